"""The learning rate as a function of the step."""

from collections.abc import Callable, Collection, Sequence

import jax
import jax.numpy as jnp
import optax

from ssljax.errors import UserError, unknown

Schedule = Callable[[int | jax.Array], jax.Array]

SCHEDULES = {
    "cosine": "half a cosine from the peak down to final_scale * peak",
    "constant": "the peak throughout",
    "linear": "a straight line from the peak down to final_scale * peak",
    "rsqrt": "the peak times sqrt(warmup_steps / step), as in the first transformers "
    "(arXiv:1706.03762, section 5.3)",
    "step": "the peak times gamma for each milestone passed",
    "wsd": "warm-up, stable, decay: the peak, then in the last cooldown_steps a straight line down "
    "to final_scale * peak (arXiv:2405.18392)",
    "tri_stage": "as wsd, but down by the same factor in each of the last cooldown_steps "
    "(arXiv:1904.08779, section 4.1)",
}

COOLING = ("wsd", "tri_stage")  # those that read cooldown_steps

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
    name: str,
    *,
    peak: float,
    steps: int,
    warmup_steps: int,
    final_scale: float,
    warmup_init_scale: float = 0.0,
    milestones: Sequence[int] = (),
    gamma: float = 0.1,
    cooldown_steps: int = 0,
) -> Schedule:
    """Return a schedule: a line up to `peak` over the warm-up, then the one called `name`.

    The end value is reached at step `steps`, one after the last update. With a warm-up the very
    first update has a learning rate of `warmup_init_scale` * peak, by default zero, as in the
    official code of SimCLR, BYOL and MAE.

    >>> schedule = warmup_then("cosine", peak=2.0, steps=30, warmup_steps=10, final_scale=0.0)
    >>> [round(float(schedule(step)), 3) for step in (0, 5, 10, 20, 30)]
    [0.0, 1.0, 2.0, 1.0, 0.0]
    """
    if name not in SCHEDULES:
        raise unknown("optimizer.schedule", name, SCHEDULES)
    if not _is_count(warmup_steps) or not warmup_steps < steps:
        raise UserError(
            f"optimizer.warmup_steps is {warmup_steps!r}: it must be a whole number, at least 0 "
            f"and below the {steps} steps of the run"
        )
    rest = steps - warmup_steps
    if name == "cosine":
        after = optax.cosine_decay_schedule(peak, rest, alpha=final_scale)
    elif name == "linear":
        after = optax.linear_schedule(peak, peak * final_scale, rest)
    elif name == "step":
        _require_milestones(milestones, warmup_steps)
        after = optax.piecewise_constant_schedule(
            peak, {milestone - warmup_steps: gamma for milestone in milestones}
        )
    elif name in COOLING:
        if not _is_count(cooldown_steps) or not 1 <= cooldown_steps <= rest:
            raise UserError(
                f"optimizer.cooldown_steps is {cooldown_steps!r}: with schedule {name!r} it must "
                f"be a whole number, at least 1 and at most {rest}, the steps after the warm-up"
            )
        if name == "tri_stage" and not 0 < final_scale <= 1:
            raise UserError(
                f"optimizer.final_scale is {final_scale!r}: with schedule 'tri_stage' it must be "
                "above 0, such as 0.05, as no factor leads to 0"
            )
        cooled = {"transition_steps": cooldown_steps, "transition_begin": rest - cooldown_steps}
        if name == "wsd":
            after = optax.linear_schedule(peak, peak * final_scale, **cooled)
        elif final_scale == 1:
            after = optax.constant_schedule(peak)
        else:
            after = optax.exponential_decay(
                peak, decay_rate=final_scale, end_value=peak * final_scale, **cooled
            )
    elif name == "rsqrt":
        if not warmup_steps:
            raise UserError(
                "optimizer.warmup_steps is 0: with schedule 'rsqrt' the learning rate is the peak "
                "times sqrt(warmup_steps / step), so there must be a warm-up"
            )

        def after(step):  # it is asked for steps of the warm-up too, which are below 0
            return peak * (warmup_steps / (warmup_steps + jnp.maximum(step, 0))) ** 0.5

    else:
        after = optax.constant_schedule(peak)
    if not warmup_steps:
        return after
    return optax.join_schedules(
        [optax.linear_schedule(peak * warmup_init_scale, peak, warmup_steps), after],
        [warmup_steps],
    )


def require_used(names: Collection[str], milestones: Sequence[int], cooldown_steps: int) -> None:
    """Raise a UserError if an option is set that none of the schedules in use reads."""
    for key, value, readers in (
        ("milestones", milestones, ("step",)),
        ("cooldown_steps", cooldown_steps, COOLING),
    ):
        if value and not {*readers}.intersection(names):
            raise UserError(
                f"optimizer.{key} is {value!r}, which only optimizer.schedule="
                f"{' or '.join(map(repr, readers))} reads"
            )


def _require_milestones(milestones: Sequence[int], warmup_steps: int) -> None:
    good = isinstance(milestones, Sequence) and all(map(_is_count, milestones)) and milestones
    if not good or list(milestones) != sorted({*milestones}) or milestones[0] <= warmup_steps:
        raise UserError(
            f"optimizer.milestones is {milestones!r}: with schedule 'step' it must be steps in "
            f"ascending order, above the {warmup_steps} of the warm-up, such as (30_000, 60_000)"
        )


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
