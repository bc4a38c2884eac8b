"""Every command and every line of Python in the tutorials runs."""

import os
import pathlib
import re
import shlex
import sys

import pytest

from ssljax.commands.main import main

FOLDER = pathlib.Path(__file__).parent.parent / "docs/tutorials"
FIRST = "pretrain.md"  # the others use its run
PAGES = sorted(path.name for path in FOLDER.glob("*.md") if path.name not in ("README.md", FIRST))
BLOCK = re.compile(r"^```(python|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def run_page(name):
    """Run the blocks of a page in the current folder: files are written, the rest is run."""
    names = {}
    for kind, block in BLOCK.findall((FOLDER / name).read_text(encoding="utf-8")):
        if kind == "sh":
            for line in block.replace("\\\n", " ").splitlines():
                program, *arguments = shlex.split(line)
                assert program == "ssljax" and main(arguments) == 0, line
        elif file := re.match(r"# (\w+\.py)\n", block):
            pathlib.Path(file[1]).write_text(block, encoding="utf-8")
        else:
            exec(compile(block, name, "exec"), names)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder in which the first page has been run."""
    path, before = tmp_path_factory.mktemp("tutorial"), pathlib.Path.cwd()
    os.chdir(path)
    sys.path.insert(0, str(path))
    try:
        run_page(FIRST)
        yield path
    finally:
        sys.path.remove(str(path))
        os.chdir(before)


@pytest.mark.further
def test_the_first_page(folder):
    assert (folder / "runs/digits/evaluation.json").is_file()
    assert (folder / "runs/digits/checkpoints/250").is_dir()


@pytest.mark.further
@pytest.mark.parametrize("name", PAGES)
def test_the_other_pages(folder, name):
    run_page(name)


def test_the_index_names_every_page():
    index = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert all(f"({name})" in index for name in (FIRST, *PAGES))
