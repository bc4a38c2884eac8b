"""Runs that start from parts of others."""

import json

import jax
import numpy as np
import pytest

from ssljax.errors import UserError
from ssljax.training import loop
from ssljax.training.config import complete
from ssljax.training.data_record import read_spec
from ssljax.training.experiment import build
from ssljax.training.warm_start import init_from
from tests.objectives.cases import config_of


def _run(config, workdir, say=lambda line: None):
    return loop.pretrain(complete(config), workdir, say=say)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of SimCLR: its workdir and its last state."""
    workdir = tmp_path_factory.mktemp("simclr")
    return workdir, _run(config_of("simclr"), workdir).state


def _config(workdir, take="params/encoder", put="params/encoder"):
    config = config_of("byol")
    config.steps, config.optimizer.learning_rate = 1, 1e-30  # as good as untrained
    config.init_from = ({"workdir": str(workdir), "take": take, "put": put},)
    return config


def _assert_equal(one, two):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-25), dict(one), dict(two))


def test_what_is_put_is_what_was_trained_and_the_rest_is_fresh(trained, tmp_path):
    workdir, state = trained
    lines = []
    started = _run(_config(workdir), tmp_path / "one", lines.append).state
    _assert_equal(started.params["encoder"], state.params["encoder"])
    assert any("params/encoder starts as params/encoder of" in line for line in lines)
    config = _config(workdir)
    config.init_from = ()
    fresh = build(complete(config)).init()
    _assert_equal(started.params["predictor"], fresh.params["predictor"])


def test_a_part_can_go_to_another_place(trained, tmp_path):
    workdir, state = trained
    config = _config(workdir, "params/encoder", "objective_state/teacher/encoder")
    config.objective.momentum = 1.0
    teacher = _run(config, tmp_path).state.objective_state["teacher"]["encoder"]
    _assert_equal(teacher, state.params["encoder"])


def test_moments_of_the_optimizer_come_along_and_the_schedule_starts_at_0(trained, tmp_path):
    """The rate that is applied is the one that is logged, whatever the optimizer remembers."""
    workdir, state = trained
    config = config_of("simclr")
    config.steps, config.log_every, config.optimizer.weight_decay = 1, 1, 0.0
    parts = [
        {"workdir": str(workdir), "take": part, "put": part} for part in ("params", "opt_state")
    ]
    config.init_from = tuple(parts)
    started = _run(config, tmp_path).state
    adam = started.opt_state["adam"]
    assert int(started.step) == 1 and int(adam.count) == int(state.step) + 1
    (line,) = map(json.loads, (tmp_path / "metrics.jsonl").open())
    assert line["learning_rate"] == pytest.approx(0.003)
    for moved, before, mu, nu in zip(
        *map(jax.tree.leaves, (started.params, state.params, adam.mu, adam.nu)), strict=True
    ):
        update = (mu / (1 - 0.9**13)) / (np.sqrt(nu / (1 - 0.999**13)) + 1e-8)
        np.testing.assert_allclose(moved, before - line["learning_rate"] * update, atol=1e-6)


@pytest.mark.parametrize(
    "change, message",
    [
        (dict(put="params/encodr"), "part of the state 'params/encodr'; did you mean 'params/enc"),
        (dict(take="params/encodr"), "array of .*params/encodr.*did you mean"),
        (dict(take="step", put="step"), "put='step': a run counts its own steps"),
        (dict(take="params/projector", put="params/predictor"), "init_from\\[0\\]"),
    ],
)
def test_bad_paths_are_named(trained, tmp_path, change, message):
    with pytest.raises(UserError, match=message):
        _run(_config(trained[0], **change), tmp_path)


def test_a_folder_without_checkpoints_and_a_malformed_part_are_refused(trained, tmp_path):
    with pytest.raises(UserError, match="init_from\\[0\\]: there is no checkpoint in"):
        _run(_config(tmp_path / "nothing"), tmp_path / "run")
    config = _config(trained[0])
    config.init_from = ({"workdir": "x", "into": "y"},)
    with pytest.raises(UserError, match="must have the keys workdir, take, put, or workdir alone"):
        _run(config, tmp_path / "run")  # which what was refused before has not claimed
    assert not (tmp_path / "run/config.json").exists()


def test_an_encoder_is_taken_with_its_batch_statistics_and_all_is_told(trained, tmp_path):
    workdir, state = trained
    config, lines = _config(workdir), []
    config.init_from = ({"workdir": str(workdir)},)
    config.objective.momentum = 1.0  # the teacher stays where it starts
    started = _run(config, tmp_path, lines.append).state
    _assert_equal(started.params["encoder"], state.params["encoder"])
    own = started.objective_state
    _assert_equal(own["teacher"]["encoder"], state.params["encoder"])
    _assert_equal(own["teacher_stats"]["encoder"], own["stats"]["encoder"])
    table = [line.split("  ") for line in lines if line.startswith("  ")]
    told = {(what.strip(), "  ".join(rest)) for _, what, *rest in table}
    text = "\n".join(map(str, sorted(told)))
    assert "'loaded'" in text and "batch statistics of the encoder" in text
    assert "predictor  starts afresh" in text  # BYOL's own
    assert "projector  left out" in text and "encoder/stem_conv" in text
    assert any(f"starting from the encoder of {workdir}, step 12" in line for line in lines)


def test_the_teacher_is_taken_where_its_features_are_evaluated(tmp_path):
    config = config_of("dino")
    state = _run(config, tmp_path / "dino").state
    teacher, student = state.objective_state["teacher"]["encoder"], state.params["encoder"]
    start, part = config_of("simclr"), {"workdir": str(tmp_path / "dino")}
    start.init_from = (part,)
    experiment = build(complete(start))
    fresh = experiment.init()
    for who, wanted in (("", teacher), ("student", student), ("teacher", teacher)):
        chosen, lines = {"encoder": who} if who else {}, []
        parts = ({**part, **chosen},)
        started = init_from(fresh, parts, objective=experiment.objective, say=lines.append)
        _assert_equal(started.params["encoder"], wanted)
        assert any("the teacher of" in line for line in lines) == (who != "student")


@pytest.mark.parametrize(
    "encoder, message",
    [
        ({"width": 16}, "another architecture: encoder.width is 8 there, 16 here"),
        ({"stage_sizes": (1,)}, r"encoder.stage_sizes is \(1, 1\) there, \(1,\) here"),
        ({"name": "vit", "patch_size": 2}, "a ResNet there, a ViT here"),
    ],
)
def test_another_architecture_is_refused_and_leaves_nothing(trained, tmp_path, encoder, message):
    config = _config(trained[0])
    config.encoder = {**config.encoder.to_dict(), **encoder} if "name" not in encoder else encoder
    config.init_from = ({"workdir": str(trained[0])},)
    with pytest.raises(UserError, match=rf"init_from\[0\]: that run is of {message}|{message}"):
        _run(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_other_names_and_folders_are_refused(trained, tmp_path):
    workdir, state = trained
    objective = build(complete(config_of("simclr"))).objective
    for part, message in (
        ({"workdir": str(workdir), "encoder": "pupil"}, "'pupil'"),
        ({"workdir": str(workdir), "encoder": "teacher"}, "has no teacher of an encoder"),
        ({"workdir": str(tmp_path / "nothing")}, "holds no run"),
    ):
        with pytest.raises(UserError, match=message):
            init_from(state, (part,), objective=objective, say=print)


def test_examples_are_normalised_as_the_encoder_has_learned(trained, tmp_path):
    images = np.random.default_rng(0).integers(200, 255, (40, 8, 8, 3), np.uint8)
    before = read_spec(trained[0]).fields["image"]
    for channels in (1, 3):
        np.savez(tmp_path / "x.npz", image=images[..., :channels])
        config = config_of("simclr")
        config.data.source = f"npz:{tmp_path}/x.npz"
        config.init_from = ({"workdir": str(trained[0])},)
        found = build(complete(config)).objective.run.spec.fields["image"]
        assert (found.mean == before.mean and found.std == before.std) == (channels == 1)
        assert channels == 1 or min(found.mean) > 0.8
