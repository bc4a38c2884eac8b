"""What may be changed in a run that goes on, and what is said about it."""

import json

import pytest

from ssljax.errors import UserError
from ssljax.spec import image_spec
from ssljax.training.config import complete, default_config
from ssljax.training.continuation import continuation, describe
from ssljax.training.data_record import DataRecord
from ssljax.training.workdir import claim, load_config


def config(steps=100, **optimizer):
    return complete({"steps": steps, "optimizer": {"learning_rate": 1.0, **optimizer}})


WSD = dict(schedule="wsd", cooldown_steps=20)


@pytest.mark.parametrize(
    "saved, now, done, schedule, rates",
    [
        # Constant: nothing that is done would have been done otherwise.
        (config(schedule="constant"), config(200, schedule="constant"), 100, "kept", [1.0, 1.0]),
        # A cool-down that has not begun moves to the new end; a constant rate gets one.
        (config(**WSD), config(300, **WSD), 80, "kept", [1.0, 1.0]),
        (config(schedule="constant"), config(120, **WSD), 100, "kept", [1.0, 1.0]),
        (
            config(schedule="step", milestones=(50,)),
            config(200, schedule="step", milestones=(50, 150)),
            100,
            "kept",
            [0.1, 0.1],
        ),
        # A cosine is stretched, and a cool-down that is over is taken back.
        (config(), config(200), 100, "stretched", [0.0, 0.5]),
        (config(**WSD), config(200, **WSD), 100, "stretched", [0.0, 1.0]),
        (config(), config(60), 50, "stretched", [0.5, 0.0669873]),
        # So is weight decay, and the learning rate of a parameter group.
        (
            config(schedule="constant", weight_decay=0.1, final_decay_scale=2.0),
            config(200, schedule="constant", weight_decay=0.1, final_decay_scale=2.0),
            50,
            "stretched",
            [1.0, 1.0],
        ),
        (
            *(
                config(
                    steps,
                    schedule="constant",
                    param_groups=(
                        {"name": "all", "match": "", "learning_rate_schedule": "cosine"},
                    ),
                )
                for steps in (100, 200)
            ),
            50,
            "stretched",
            [1.0, 1.0],
        ),
    ],
)
def test_a_run_that_goes_on_says_whether_its_schedule_is_kept(saved, now, done, schedule, rates):
    change = continuation(saved, now, done)
    assert change["schedule"] == schedule and change["step"] == done
    assert change["learning_rate"] == pytest.approx(rates, abs=1e-5)
    assert f"steps {saved.steps} -> {now.steps}" in describe(change)
    assert ("stretched" in describe(change)) == (schedule == "stretched")


def test_nothing_is_said_of_a_run_as_planned_or_of_one_that_has_not_begun():
    assert continuation(config(), config(), 50) is None
    assert continuation(config(), config(7, schedule="linear"), 0) is None


@pytest.mark.parametrize(
    "saved, now, message",
    [
        (config(), config(80), "config.steps=80, but 80 steps of this run are done"),
        (
            config(),
            config(200, schedule="linear"),
            "config.optimizer.schedule cannot be changed in this run: at step 1 of the 80 done its "
            "learning rate was 1 and would have been 0.995",
        ),
        (
            config(schedule="constant"),
            config(**{**WSD, "cooldown_steps": 50}),
            "config.optimizer.schedule, config.optimizer.cooldown_steps cannot be changed",
        ),
    ],
)
def test_what_cannot_go_on_is_refused_by_name(saved, now, message):
    with pytest.raises(UserError) as error:
        continuation(saved, now, 80)
    assert message in str(error.value)


def test_a_run_without_a_checkpoint_takes_other_steps_but_no_other_seed(tmp_path):
    data = DataRecord({"version": 1}, image_spec((8, 8, 1), (0.5,), (0.25,), 7))
    claim(tmp_path, first := default_config(), data)
    (tmp_path / "metrics.jsonl").write_text('{"step": 1}\n')
    first.steps = 7
    assert claim(tmp_path, first, data) is None
    assert load_config(tmp_path).steps == 7
    first.steps, first.seed = 9, 1
    with pytest.raises(UserError, match="seed: 0 in the run, 1 now"):
        claim(tmp_path, first, data)
    assert json.loads((tmp_path / "config.json").read_text())["steps"] == 7
    assert not (tmp_path / "history.jsonl").exists()
