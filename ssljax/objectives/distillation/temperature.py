"""How sharp the teacher of DINO, iBOT and DINOv2 is."""

from typing import Any

from ssljax.objectives.base import Array
from ssljax.ops.schedule import linear


def teacher_temperature(objective: Any, step: Array) -> Array:
    """Return the teacher's temperature at a step of an objective with these fields.

    It goes along a line from `teacher_temperature_start` to `teacher_temperature` in the first
    `temperature_steps` steps.
    """
    return linear(
        step,
        start=objective.teacher_temperature_start,
        end=objective.teacher_temperature,
        steps=objective.temperature_steps,
    )
