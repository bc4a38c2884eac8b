"""Files of a workdir that were edited, cut, or put in each other's place: a line for each, and what
is left of the run is used. Nothing is compiled here."""

import contextlib
import errno
import json
import pathlib
import shutil

import jax
import jax.numpy as jnp
import pytest

from ssljax.commands.main import main
from ssljax.errors import UserError
from ssljax.training.checkpoint import Checkpointer
from ssljax.training.config import complete, to_json
from ssljax.training.metrics import MetricsWriter
from ssljax.training.workdir import claim, load_config
from tests.objectives.cases import config_of

CONFIG = complete(config_of("simclr"))
STATE = {"a": jnp.arange(3.0), "b": {"c": jnp.ones((2, 2))}}
ABSTRACT = jax.eval_shape(lambda: STATE)
SCORE = {"accuracy": 0.5, "interval": [0.4, 0.6]}
ROW = {"dimension": 16, "knn": SCORE, "linear": SCORE, "collapse": {"rankme": 3.0}}
EVALUATION = {
    "step": 12,
    "data": {"source": "sklearn:digits", "train": "train", "test": "test"},
    "protocol": {"labels": True, "test_examples": 100},
    **dict.fromkeys(("pretrained", "random_init", "raw_input"), ROW),
}


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """The folder of a run as it should be."""
    folder = tmp_path_factory.mktemp("original")
    (folder / "config.json").write_text(to_json(CONFIG))
    (folder / "metrics.jsonl").write_text('{"step": 4, "loss": 2.0}\n{"step": 8, "loss": 1.0}\n')
    (folder / "evaluation.json").write_text(json.dumps(EVALUATION))
    with contextlib.closing(Checkpointer(folder, keep_last=2)) as checkpoints:
        for step in (1, 2):
            checkpoints.save(step, STATE, meta={})
    return folder


@pytest.fixture
def run(original, tmp_path):
    """Two runs beside each other, the second of which is to be edited."""
    for name in ("good", "bad"):
        shutil.copytree(original, tmp_path / name)
    return tmp_path / "bad"


CONTENTS = {
    "empty": b"",
    "number": b"5",
    "null": b"null",
    "list": b"[1, 2]",
    "text": b'"run"',
    "cut": b'{"step": 1, "seed',
    "other types": b'{"step": [], "objective": {"name": {}}, "pretrained": 3, "data": []}',
    "unknown keys": b'{"steps_of_version_9": 1}',
    "latin-1": b'{"caf\xe9": 1}',
    "deep": b"[" * 99_999,
    "long number": b"1" * 9_999,
    "binary": bytes(range(256)),
}


def _folder(path):
    path.unlink()
    path.mkdir()


def _link_to_itself(path):
    path.unlink()
    path.symlink_to(path.name)


EDITS = {
    **{name: lambda path, text=text: path.write_bytes(text) for name, text in CONTENTS.items()},
    "folder": _folder,
    "gone": lambda path: path.unlink(),
    "link to itself": _link_to_itself,
    "half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
}


def _told(call, *args):
    """Return what a call returns, or the line by which it refuses; any other error comes out."""
    try:
        return call(*args)
    except UserError as error:
        assert "\n" not in str(error)
        return str(error)


@pytest.mark.parametrize("edit", EDITS)
def test_config(run, edit):
    EDITS[edit](run / "config.json")
    line = _told(load_config, run)
    assert isinstance(line, str) and str(run / "config.json") in line
    if edit != "gone" and edit != "link to itself":
        assert _told(claim, run, CONFIG, {}) == line


@pytest.mark.parametrize("section", [None, "data", "optimizer", "encoder", "mesh", "checkpoint"])
def test_config_of_other_types(run, section):
    """Each value in turn is replaced by one of another type, and a key by an unknown one."""
    whole = CONFIG.to_dict()
    keys = whole[section] if section else whole
    for key, value in list(keys.items()):
        if section == "encoder" and key != "name":
            continue  # the encoder checks its fields when it is built
        keys[key] = {"a": "b"} if not isinstance(value, dict) else [3]
        (run / "config.json").write_text(json.dumps(whole))
        line = _told(load_config, run)
        assert isinstance(line, str) and str(run / "config.json") in line and key in line
        keys[key] = value


@pytest.mark.parametrize("edit", EDITS)
def test_metrics(run, edit):
    path = run / "metrics.jsonl"
    EDITS[edit](path)
    line = _told(lambda: MetricsWriter(run, first_step=8).close())
    if edit in ("folder", "link to itself"):
        assert str(path) in line
    else:
        assert line is None and path.read_bytes().count(b"\n") == (edit == "half")


@pytest.fixture
def checkpoints(run):
    with contextlib.closing(Checkpointer(run, keep_last=2, report=lambda line: None)) as made:
        yield made


@pytest.mark.parametrize("name", ["ssljax.json", "_METADATA", "manifest.ocdbt"])
def test_checkpoint(run, checkpoints, name, monkeypatch):
    path = run / "checkpoints/2" / name
    for edit in EDITS.values():
        lines = []
        monkeypatch.setattr(checkpoints._steps, "_report", lines.append)
        edit(path)
        assert checkpoints.restore(ABSTRACT)[0] == 1
        assert len(lines) == 1 and str(run / "checkpoints/2") in lines[0] and name in lines[0]
        assert "there are: 1" in _told(checkpoints.restore, ABSTRACT, 2)
        path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)
        path.touch()
    assert checkpoints.save(2, STATE, meta={}, wait=True)
    assert checkpoints.restore(ABSTRACT)[0] == 2


def test_a_file_where_a_folder_should_be(run, checkpoints):
    shutil.rmtree(run / "checkpoints/2")
    (run / "checkpoints/2").write_text("5")
    assert checkpoints.restore(ABSTRACT)[0] == 1
    assert checkpoints.save(2, STATE, meta={}, wait=True)
    shutil.rmtree(run / "checkpoints/2/ocdbt.process_0")
    (run / "checkpoints/2/ocdbt.process_0").write_text("5")
    assert checkpoints.restore(ABSTRACT)[0] == 1
    shutil.rmtree(run / "checkpoints")
    (run / "checkpoints").write_text("5")
    assert "Not a directory" in _told(checkpoints.restore, ABSTRACT)


def _report(run, capsys):
    assert main(["report", str(run.parent)]) == 0
    text = capsys.readouterr().out
    assert f"`{run.parent / 'good'}` |" in text
    table, _, broken = text.partition("Not readable:")
    return table, broken.strip()


@pytest.mark.parametrize("edit", [edit for edit in EDITS if edit not in ("gone", "folder")])
@pytest.mark.parametrize("name", ["config.json", "evaluation.json"])
def test_report_lists_a_broken_run_below_the_others(run, edit, name, capsys):
    if (name, edit) == ("config.json", "link to itself"):
        return  # no run at all
    EDITS[edit](run / name)
    table, broken = _report(run, capsys)
    assert str(run) not in table and broken.startswith(f"- `{run}`: ")
    assert str(run / name) in broken and "\n" not in broken
    shutil.rmtree(run.parent / "good")
    assert main(["report", str(run.parent)]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert str(run / name) in line


@pytest.mark.parametrize("edit", EDITS)
def test_report_with_other_metrics(run, edit, capsys):
    EDITS[edit](run / "metrics.jsonl")
    table, broken = _report(run, capsys)
    if edit in ("folder", "link to itself"):
        assert str(run / "metrics.jsonl") in broken
    else:
        assert f"`{run}` |" in table and not broken


@pytest.mark.parametrize("key", [key for key in EVALUATION if key not in ("random_init", "step")])
def test_report_of_an_evaluation_that_lacks_a_part(run, key, capsys):
    part = {name: value for name, value in EVALUATION.items() if name != key}
    (run / "evaluation.json").write_text(json.dumps(part))
    table, broken = _report(run, capsys)
    assert str(run) not in table and str(run / "evaluation.json") in broken and key in broken


@pytest.mark.parametrize("name", ["config.json", "evaluation.json", "metrics.jsonl"])
def test_report_of_a_file_that_may_not_be_read(run, name, capsys, monkeypatch):
    """Root may read all, so that the permission is refused by hand."""
    for method in ("read_text", "read_bytes"):
        read = getattr(pathlib.Path, method)

        def refuse(path, *args, read=read, **options):
            if path == run / name:
                raise PermissionError(errno.EACCES, "Permission denied", str(path))
            return read(path, *args, **options)

        monkeypatch.setattr(pathlib.Path, method, refuse)
    assert f"{run / name}: Permission denied" in _report(run, capsys)[1]
