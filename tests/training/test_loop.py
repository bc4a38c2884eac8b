"""Whole runs on real digits: exact resume, the watch over the loss, foreign workdirs."""

import json

import jax
import numpy as np
import pytest

from ssljax.errors import UserError
from ssljax.training import loop, metrics
from ssljax.training.checkpoint.checksums import read_manifest
from ssljax.training.config import complete
from ssljax.training.evaluate import require_evaluable
from ssljax.training.experiment import Experiment, build
from tests.objectives.cases import config_of


class Crash(Exception):
    """Stands for a kill: nothing is saved on the way out."""


def _run(config, workdir):
    return loop.pretrain(complete(config), workdir, say=lambda line: None)


def _crash_at(monkeypatch, step):
    add = metrics.MetricsWindow.add

    def crash(self, number, metrics):
        if number == step:
            raise Crash
        add(self, number, metrics)

    monkeypatch.setattr(metrics.MetricsWindow, "add", crash)


def _assert_same_bits(one, two):
    leaves = zip(jax.tree.leaves(one), jax.tree.leaves(two), strict=True)
    assert all(np.asarray(a).tobytes() == np.asarray(b).tobytes() for a, b in leaves)


@pytest.fixture
def compiled_once(monkeypatch):
    """A step is compiled for the first of the runs of one config, and serves the others."""
    compile_step, steps = Experiment.compile_step, []

    def once(self):
        if not steps:
            steps.append(compile_step(self))
        return steps[0]

    monkeypatch.setattr(Experiment, "compile_step", once)


# One of every kind: nothing but batch statistics to remember, a teacher, a queue beside it, a queue
# that is filled later, labels found between the steps, a decoder, two players, several at once.
# That every objective's state comes back from a checkpoint is tested with the objectives.
# `make test` takes two of them, `make test-faults` the others.
KINDS = (
    "byol",
    "deepcluster_v2",
    *(
        pytest.param(kind, marks=pytest.mark.faults)
        for kind in ("simclr", "moco_v2", "swav", "mae", "bigan", "combine")
    ),
)


@pytest.mark.parametrize("case", KINDS)
@pytest.mark.usefixtures("compiled_once")
def test_a_run_that_crashed_ends_bit_for_bit_as_one_that_did_not(case, tmp_path, monkeypatch):
    config = config_of(case)
    whole = _run(config, tmp_path / "whole").state
    with monkeypatch.context() as patch:
        _crash_at(patch, 7)
        with pytest.raises(Crash):
            _run(config, tmp_path / "crashed")
    outcome = _run(config, tmp_path / "crashed")
    _assert_same_bits(whole, outcome.state)
    lines = [json.loads(line) for line in (tmp_path / "crashed/metrics.jsonl").open()]
    steps = [line["step"] for line in lines]
    assert steps == sorted(set(steps)) and steps[-1] == config.steps


def test_a_finished_run_says_so_and_stays_as_it_is(tmp_path):
    config = config_of("simclr")
    first = _run(config, tmp_path)
    again = _run(config, tmp_path)
    assert again.already_finished and not first.already_finished
    _assert_same_bits(first.state, again.state)


def test_a_finished_run_goes_on_bit_for_bit_as_one_that_was_planned_longer(tmp_path):
    config = config_of("simclr")
    config.optimizer.schedule, config.optimizer.warmup_steps = "constant", 2
    whole = _run(config, tmp_path / "whole").state
    config.steps = 6
    _run(config, tmp_path / "extended")
    (tmp_path / "extended/evaluation.json").write_text("{}")
    config.steps = 12
    lines = []
    extended = loop.pretrain(complete(config), tmp_path / "extended", say=lines.append)
    _assert_same_bits(whole, extended.state)
    assert lines[0].startswith("going on from step 6 under another config (steps 6 -> 12): ")
    (change,) = map(json.loads, (tmp_path / "extended/history.jsonl").open())
    assert change["changed"] == {"steps": [6, 12]} and change["schedule"] == "kept"
    assert json.loads((tmp_path / "extended/config.json").read_text())["steps"] == 12
    again = loop.pretrain(complete(config), tmp_path / "extended", say=lines.append)
    assert (
        again.already_finished
        and len((tmp_path / "extended/history.jsonl").open().readlines()) == 1
    )


def test_another_config_in_the_workdir_is_refused(tmp_path):
    config = config_of("simclr")
    _run(config, tmp_path)
    config.optimizer.learning_rate = 0.5
    with pytest.raises(UserError, match="optimizer.learning_rate: 0.003 in the run, 0.5 now"):
        _run(config, tmp_path)


def test_a_start_that_ended_before_its_first_step_refuses_no_other(tmp_path, monkeypatch):
    config = config_of("simclr")

    def refuse(self):
        raise UserError("no")

    monkeypatch.setattr(Experiment, "compile_step", refuse)
    with pytest.raises(UserError, match="no"):
        _run(config, tmp_path / "new")
    assert not (tmp_path / "new").exists()

    (tmp_path / "old").mkdir()  # with something of the user's own in it
    (tmp_path / "old/notes.txt").write_text("mine")
    for steps in (12, 13):
        config.steps = steps
        with pytest.raises(UserError, match="no"):
            _run(config, tmp_path / "old")
    assert [path.name for path in (tmp_path / "old").iterdir()] == ["notes.txt"]


def test_a_changed_data_set_is_refused(tmp_path):
    config = config_of("simclr")
    images = np.random.default_rng(0).integers(0, 255, (64, 8, 8, 1)).astype(np.uint8)
    np.savez(tmp_path / "images.npz", image=images)
    config.data.source = f"npz:{tmp_path}/images.npz"
    _run(config, tmp_path / "run")
    images[3, 2, 1] ^= 1
    np.savez(tmp_path / "images.npz", image=images)
    with pytest.raises(UserError, match="data set of the run in .* has changed"):
        _run(config, tmp_path / "run")


def test_a_loss_that_is_not_finite_stops_the_run(tmp_path):
    config = config_of("simclr")
    config.optimizer.learning_rate = 1e9
    config.optimizer.schedule = "constant"
    with pytest.raises(metrics.NonFiniteLoss, match="the gradient of encoder/") as error:
        _run(config, tmp_path)
    (dump,) = tmp_path.glob("nonfinite_step_*.json")
    report = json.loads(dump.read_text())
    assert f"step {report['step']}:" in str(error.value)
    assert len(report["batch_ids"]) == config.batch_size
    assert any(path.startswith("encoder/") for path in report["parameters"])
    saved = [int(path.name) for path in (tmp_path / "checkpoints").glob("[0-9]*")]
    assert all(step <= report["step"] for step in saved)


def test_a_second_process_in_the_workdir_is_refused(tmp_path):
    from ssljax.training.workdir import lock

    with lock(tmp_path), pytest.raises(UserError, match="another process is running"):
        with lock(tmp_path):
            pass


def test_the_profile_of_chosen_steps_is_written(tmp_path):
    config = config_of("simclr")
    config.profile = (3, 2)
    config.steps = 6
    _run(config, tmp_path)
    assert list((tmp_path / "profile").rglob("*.xplane.pb"))


def test_a_checkpoint_has_the_score_of_its_own_step_and_the_best_are_kept(tmp_path):
    config = config_of("simclr")  # saves every 4 steps
    config.evaluation.every = 3
    config.checkpoint.keep_best, config.checkpoint.keep_last = 2, 1
    _run(config, tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").open()]
    scores = {line["step"]: line["knn"] for line in lines if "knn" in line}
    assert set(scores) == {3, 6, 9, 12}
    best = sorted(scores, key=lambda step: (scores[step], step))[-2:]
    kept = {int(path.name): read_manifest(path) for path in (tmp_path / "checkpoints").iterdir()}
    assert set(kept) == {*best, 12}
    assert {step: record["metrics"]["knn"] for step, record in kept.items()} == {
        step: scores[step] for step in kept
    }


@pytest.mark.parametrize("every", [0, 13])
def test_the_best_of_a_run_without_evaluations_are_refused(tmp_path, every):
    config = config_of("simclr")
    config.evaluation.every, config.checkpoint.keep_best = every, 2
    with pytest.raises(
        UserError, match=f"checkpoint.keep_best=2 .* config.evaluation.every={every}"
    ):
        _run(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_the_best_of_a_run_without_labels_are_refused(tmp_path):
    config = config_of("simclr")
    images = np.random.default_rng(0).integers(0, 255, (64, 8, 8, 1)).astype(np.uint8)
    np.savez(tmp_path / "images.npz", image=images)
    config.data.source = f"npz:{tmp_path}/images.npz"
    config.evaluation.every, config.checkpoint.keep_best = 3, 2
    with pytest.raises(UserError, match="checkpoint.keep_best=2 .* no labels in 'train'"):
        _run(config, tmp_path / "run")
    config.evaluation.source = "sklearn:digits"
    require_evaluable(build(complete(config)), final=False)
