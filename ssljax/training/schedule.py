"""The learning rate as a function of the step."""

from collections.abc import Callable

import jax
import optax

from ssljax.errors import UserError, unknown

Schedule = Callable[[int | jax.Array], jax.Array]

SCHEDULES = {
    "cosine": "half a cosine from the peak down to final_scale * peak",
    "constant": "the peak throughout",
    "linear": "a straight line from the peak down to final_scale * peak",
}

BATCH_SCALINGS = {
    "none": lambda ratio: 1.0,
    "linear": lambda ratio: ratio,
    "sqrt": lambda ratio: ratio**0.5,
}

REFERENCE_BATCH = 256


def peak_learning_rate(base: float, scaling: str, batch_size: int) -> float:
    """Return the learning rate for a batch, from the one that a paper gives for 256 examples.

    "linear": base * B / 256 (Goyal et al., 2017); "sqrt": base * sqrt(B / 256); "none": base.

    >>> peak_learning_rate(0.3, "linear", 4096)
    4.8
    """
    if scaling not in BATCH_SCALINGS:
        raise unknown("optimizer.scale_by_batch", scaling, BATCH_SCALINGS)
    return base * BATCH_SCALINGS[scaling](batch_size / REFERENCE_BATCH)


def warmup_then(
    name: str, *, peak: float, steps: int, warmup_steps: int, final_scale: float
) -> Schedule:
    """Return a schedule: a line from 0 up to `peak` over the warm-up, then the one called `name`.

    The end value is reached at step `steps`, one after the last update. With a warm-up the very
    first update has a learning rate of zero, as in the official code of SimCLR, BYOL and MAE.

    >>> schedule = warmup_then("cosine", peak=2.0, steps=30, warmup_steps=10, final_scale=0.0)
    >>> [round(float(schedule(step)), 3) for step in (0, 5, 10, 20, 30)]
    [0.0, 1.0, 2.0, 1.0, 0.0]
    """
    if name not in SCHEDULES:
        raise unknown("optimizer.schedule", name, SCHEDULES)
    if not isinstance(warmup_steps, int) or not 0 <= warmup_steps < steps:
        raise UserError(
            f"optimizer.warmup_steps is {warmup_steps!r}: it must be a whole number, at least 0 "
            f"and below the {steps} steps of the run"
        )
    rest = steps - warmup_steps
    if name == "cosine":
        after = optax.cosine_decay_schedule(peak, rest, alpha=final_scale)
    elif name == "linear":
        after = optax.linear_schedule(peak, peak * final_scale, rest)
    else:
        after = optax.constant_schedule(peak)
    if not warmup_steps:
        return after
    return optax.join_schedules(
        [optax.linear_schedule(0.0, peak, warmup_steps), after], [warmup_steps]
    )
