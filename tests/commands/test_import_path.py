"""Nothing in the current folder is run unless the user named it."""

import os
import subprocess
import sys

import pytest

from ssljax.commands import config_file, import_path
from ssljax.planning.request import _same_path

OTHERS = ("flax", "jax", "json", "numpy", "multiprocessing", "orbax", "tqdm")


@pytest.mark.parametrize(
    "command, variables",
    [
        (["-m", "ssljax", "evaluate", "--workdir", "."], {}),
        (["-m", "ssljax.planning"], _same_path()),
    ],
    ids=["command", "planning"],
)
def test_a_folder_with_modules_of_its_own_does_not_run_them(command, variables, tmp_path):
    for name in OTHERS:
        (tmp_path / f"{name}.py").write_text("open('executed', 'w').close()")
    done = subprocess.run(
        [sys.executable, *command],
        cwd=tmp_path,
        env=os.environ | variables,
        input="",
        capture_output=True,
        text=True,
    )
    assert not (tmp_path / "executed").exists()
    assert "holds no run" in done.stderr or "ssljax/planning/__main__.py" in done.stderr


def test_processes_that_a_command_starts_do_not_look_in_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    import_path.keep_current_folder_out()
    monkeypatch.setenv("PYTHONSAFEPATH", os.environ["PYTHONSAFEPATH"])  # to be undone
    (tmp_path / "struct.py").write_text("open('executed', 'w').close()")
    command = [sys.executable, "-c", "import multiprocessing.spawn"]  # as a worker's begins
    subprocess.run(command, cwd=tmp_path, check=True)
    assert not (tmp_path / "executed").exists()


def test_a_config_file_imports_what_lies_beside_it_and_from_the_folder_it_is_named_in(
    tmp_path, monkeypatch
):
    (tmp_path / "lab/configs").mkdir(parents=True)
    (tmp_path / "lab/steps_here.py").write_text("FEW = 3\n")
    (tmp_path / "lab/configs/batch_beside.py").write_text("SMALL = 8\n")
    (tmp_path / "lab/configs/json.py").write_text("raise RuntimeError\n")
    (tmp_path / "lab/configs/run.py").write_text(
        "import json\n"
        "from batch_beside import SMALL\n"
        "from lab.steps_here import FEW\n"
        "from ml_collections import ConfigDict\n"
        "def get_config():\n"
        "    return ConfigDict({'steps': FEW, 'batch_size': SMALL})\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    monkeypatch.delitem(sys.modules, "json")
    config = config_file.load("lab/configs/run.py", [])
    assert (config.steps, config.batch_size) == (3, 8)

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if str(tmp_path) not in path])
    (tmp_path / "lab/configs/short.py").write_text(
        "from ml_collections import ConfigDict\ndef get_config():\n    return ConfigDict()\n"
    )
    config_file.load("../lab/configs/short.py", [])
    assert str(elsewhere) not in sys.path
