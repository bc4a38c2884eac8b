"""A run that goes on to another number of steps than it was planned for, in its own workdir."""

import json
import os
import pathlib
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from ssljax.errors import UserError
from ssljax.training.checkpoint.checksums import Damaged, verify
from ssljax.training.optimizer import schedules

# Keys that say how a run goes on. A continued run may change them on the terms of `continuation`.
GOES_ON = (
    "steps",
    "optimizer.schedule",
    "optimizer.schedule_length",
    "optimizer.final_scale",
    "optimizer.milestones",
    "optimizer.gamma",
    "optimizer.cooldown_steps",
)
HISTORY = "history.jsonl"
_CHUNK = 2**16  # steps


def continuation(saved: ConfigDict, now: ConfigDict, done: int) -> dict[str, Any] | None:
    """Return how a run of `saved` goes on under `now` after `done` steps, or None if as planned.

    `steps` may always be changed to more than are done. The other keys of `GOES_ON` may be changed
    where learning rate and weight decay of the steps done are those of a run that had the new
    values from the start: a constant rate can end in a cool-down, a cosine cannot become a line.

    Returns:
      What is written into the history: "step": done; "changed": {key: [before, now]};
      "learning_rate": [planned, now] of the next step; and "schedule": "kept" if learning rate and
      weight decay of the steps done are the same under both configs, else "stretched".

    Raises:
      UserError: naming the keys that cannot be changed.
    """
    changed: dict[str, list[Any]] = {}
    for key in GOES_ON:
        values = [_value(config, key) for config in (saved, now)]
        if values[0] != values[1]:
            changed[key] = values
    if not changed or not done:
        return None
    if now.steps <= done:
        raise UserError(
            f"config.steps={now.steps}, but {done} steps of this run are done; to go on, it must "
            f"be above {done}"
        )
    before, after = (
        schedules(config.optimizer, steps=config.steps, batch_size=config.batch_size)
        for config in (saved, now)
    )
    other = {name: _first_difference(before[name], after[name], done) for name in before}
    other = {name: step for name, step in other.items() if step is not None}
    if other and set(changed) != {"steps"}:
        name, step = next(iter(other.items()))
        keys = ", ".join(f"config.{key}" for key in changed if key != "steps")
        raise UserError(
            f"{keys} cannot be changed in this run: at step {step} of the {done} done its {name} "
            f"was {before[name](step):.3g} and would have been {after[name](step):.3g}; a new run "
            "can start from its parameters, with config.init_from"
        )
    rates = [each["learning rate"](done) for each in (before, after)]
    return {
        "step": done,
        "changed": changed,
        "schedule": "stretched" if other else "kept",
        "learning_rate": [float(f"{rate:.6g}") for rate in rates],
    }


def describe(change: dict[str, Any]) -> str:
    """Return a line for the user about what `continuation` returned."""
    done, (planned, now) = change["step"], change["learning_rate"]
    keys = ", ".join(f"{key} {one!r} -> {two!r}" for key, (one, two) in change["changed"].items())
    if change["schedule"] == "kept":
        how = "learning rate and weight decay of the steps done are the same under both"
    else:
        how = (
            "the schedules are stretched over the new number of steps: at this step the learning "
            f"rate is {now:.3g}, {planned:.3g} was planned"
        )
    return (
        f"going on from step {done:,} under another config ({keys}): {how}. What the objective "
        "schedules over the run (momentum, temperature, weights) follows the new number of steps"
    )


def steps_done(workdir: pathlib.Path) -> int:
    """Return the step of the newest checkpoint that is intact, 0 if there is none."""
    folder = workdir / "checkpoints"
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    for step in sorted((int(name) for name in names if name.isdecimal()), reverse=True):
        try:
            verify(folder / str(step))
            return step
        except Damaged:
            continue
    return 0


def record(workdir: pathlib.Path, change: dict[str, Any]) -> None:
    """Add a line to the history of the run. An evaluation made so far is kept under another name,
    so that it is not taken for one of the longer run."""
    evaluation = workdir / "evaluation.json"
    if evaluation.exists():
        evaluation.replace(workdir / f"evaluation_until_step_{change['step']}.json")
    with (workdir / HISTORY).open("a", encoding="utf-8") as file:
        file.write(json.dumps(change) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _value(config: ConfigDict, key: str) -> Any:
    for name in key.split("."):
        config = config[name]
    return config


def _first_difference(one: Any, two: Any, steps: int) -> int | None:
    """Return the first of so many steps at which two schedules differ."""
    for first in range(0, steps, _CHUNK):
        at = np.arange(first, min(first + _CHUNK, steps))
        values = [np.broadcast_to(np.asarray(jax.vmap(each)(at)), at.shape) for each in (one, two)]
        if len(different := np.flatnonzero(values[0] != values[1])):
            return int(at[different[0]])
    return None
