"""The comparison with recorded values: what is told, and the exit status."""

import json

import pytest

from tests.golden import compare

VALUES = {"loss": [1.0, 0.5], "gradient_norm": [2.0, 1.0], "norm": 3.0}
FILES = ["some/byol.py", "some/mae.py", "some/simclr.py"]


@pytest.fixture
def recorded(tmp_path):
    assert compare.run(FILES, tmp_path, lambda path: VALUES, write=True) == 0
    return tmp_path


def test_what_has_no_record_is_named_and_the_others_are_compared(recorded, capsys):
    (recorded / "mae.json").unlink()
    (recorded / "byol.json").write_text("{")
    capsys.readouterr()
    assert compare.run(FILES, recorded, lambda path: VALUES) == 1
    byol, mae, simclr = capsys.readouterr().out.splitlines()
    assert byol.startswith("byol: DAMAGED RECORD byol.json")
    assert "python -m tests.golden --record --only mae" in mae and "NO RECORD" in mae
    assert simclr == "simclr: the same bits"


def test_only_some_are_compared(recorded, capsys):
    (recorded / "mae.json").unlink()
    assert compare.run(FILES, recorded, lambda path: VALUES, only="simclr") == 0
    assert compare.run(FILES, recorded, lambda path: VALUES, only="dino") == 1
    assert "no small experiment has 'dino' in its name" in capsys.readouterr().out


@pytest.mark.parametrize(("norm", "status"), [(3.0 * (1 + 1e-6), 0), (3.0 * (1 + 1e-4), 1)])
def test_values_that_are_too_far_apart_fail(recorded, norm, status, capsys):
    (recorded / "mae.json").write_text(json.dumps({**VALUES, "norm": norm}))
    assert compare.run(FILES, recorded, lambda path: VALUES) == status
    assert ("DIFFERS" in capsys.readouterr().out) == bool(status)


def test_every_small_experiment_has_a_record():
    from tests.golden.record import FOLDER, SMALL

    names = {path.rpartition("/")[2].removesuffix(".py") for path in SMALL}
    assert names == {file.stem for file in FOLDER.glob("*.json")}
