"""Runs of before the names of today."""

import json
import pathlib
import tarfile

import pytest

from ssljax.commands.main import main
from ssljax.training.migrate import current_config
from ssljax.training.workdir import load_config
from tests import golden

OLD_RUN = pathlib.Path(golden.__file__).parent / "old_run.tar.xz"


@pytest.fixture
def old_run(tmp_path, monkeypatch):
    # Scores are cached by content, and other tests write some of probes that they replaced.
    monkeypatch.setenv("SSLJAX_DATA_DIR", str(tmp_path / "data"))
    with tarfile.open(OLD_RUN) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path / "old_run"


def test_an_old_run_is_evaluated_with_the_scores_that_it_had(old_run, capsys):
    before = json.loads((old_run / "evaluation.json").read_text())
    saved = (old_run / "config.json").read_text()
    assert "start_from" in saved and "rules" in saved
    output = old_run / "again.json"
    assert main(["evaluate", "--workdir", str(old_run), "--output", str(output)]) == 0
    after = json.loads(output.read_text())
    assert after["step"] == before["step"] == 3
    for row in ("pretrained", "random_init", "raw_input"):
        for probe in ("knn", "linear"):
            # One test example: devices sum in another order than the one that evaluated it then.
            one = 1.5 / before["protocol"]["test_examples"]
            was, now = (found[row][probe]["accuracy"] for found in (before, after))
            assert now == pytest.approx(was, abs=one), (row, probe)
    collapse = [found["pretrained"]["collapse"]["rankme"] for found in (before, after)]
    assert collapse[1] == pytest.approx(collapse[0], rel=1e-3)
    assert (old_run / "config.json").read_text() == saved


def test_names_of_an_old_config_are_those_of_today(old_run):
    path = old_run / "config.json"
    config = json.loads(path.read_text())
    config["start_from"] = [{"workdir": "a", "take": "memory/teacher", "put": "memory"}]
    config["encoder"] = {"name": "vit", "chunks": 4}
    config["optimizer"]["rules"] = [{"name": "all", "match": ""}]
    path.write_text(json.dumps(config))
    read = load_config(old_run)
    assert read.encoder.grad_cache == 4
    assert [dict(group) for group in read.optimizer.param_groups] == [{"name": "all", "match": ""}]
    (part,) = read.init_from
    assert dict(part) == {
        "workdir": "a",
        "take": "objective_state/teacher",
        "put": "objective_state",
    }


def test_the_decay_of_a_codebook_has_a_name_of_its_own():
    today = {"objective": {"name": "vq_vae", "codebook_decay": 0.9, "codes": 8}}
    assert current_config({"objective": {"name": "vq_vae", "decay": 0.9, "codes": 8}}) == today
    assert current_config(today) == today
    tokenizer = {"encoder": {"name": "vit"}, "decay": 0.9}
    tasks = {"a": {"name": "beit", "tokenizer": tokenizer}, "b": {"name": "byol", "decay": 1}}
    read = current_config({"objective": {"name": "combine", "tasks": tasks}})["objective"]["tasks"]
    assert read["a"]["tokenizer"] == {"encoder": {"name": "vit"}, "codebook_decay": 0.9}
    assert read["b"] == tasks["b"]  # another objective's key is left to its error message


def test_objectives_of_an_old_config_mean_what_they_did():
    def of(objective, **rest):
        return current_config({"start_from": [], "objective": objective, **rest})["objective"]

    assert of({"name": "moco_v1", "momentum": 0.9}) == {
        "name": "moco_v2",
        "projector_hidden": [],
        "temperature": 0.07,
        "views": "moco_v1",
        "momentum": 0.9,
    }
    assert of({"name": "moco_v1", "temperature": 0.1})["temperature"] == 0.1
    tasks = {"a": {"name": "online_distillation"}, "online_distillation": {"dim": 2}}
    assert of({"name": "combine", "tasks": tasks})["tasks"] == {
        "a": {"name": "seed_distillation"},
        "online_distillation": {"name": "seed_distillation", "dim": 2},
    }


def test_a_config_of_today_stays_as_it_is():
    config = {
        "init_from": [{"workdir": "a", "take": "params", "put": "params"}],
        "objective": {"name": "online_distillation"},
        "optimizer": {"param_groups": []},
        "encoder": {"grad_cache": 2},
    }
    assert current_config(config) == config
