"""The ranges of those values of a config that no builder of a part checks."""

import functools
import numbers
import operator
from collections.abc import Mapping, Sequence
from typing import Any

from ml_collections import ConfigDict

from ssljax.errors import UserError

LEAST: Mapping[str, int] = {
    "steps": 1,
    "batch_size": 1,
    "accumulate": 1,
    "log_every": 1,
    "seed": 0,
    "data.image_size": 0,
    "data.workers": 0,
    "mesh.fsdp_min_size": 0,
    "checkpoint.every": 1,
    "checkpoint.keep_last": 1,
    "checkpoint.keep_best": 0,
}
SEEDS = 2**32  # of JAX's keys


def require_in_range(config: ConfigDict) -> None:
    """Check what would otherwise be met after compiling, or not at all.

    Args:
      config: complete, so that the types are right.

    Raises:
      UserError: naming the key, its value and what would be right.
    """
    for key, least in LEAST.items():
        value = functools.reduce(operator.getitem, key.split("."), config)
        if value < least:
            raise UserError(f"config.{key}={value}; it must be at least {least}")
    if config.seed >= SEEDS:
        raise UserError(f"config.seed={config.seed}; it must be below 2^32")
    first_and_count = config.profile
    if len(first_and_count) != 2 or not all(
        isinstance(number, int) and number >= 0 for number in first_and_count
    ):
        raise UserError(
            f"config.profile={first_and_count!r}; it must be (first step, number of steps), such "
            "as (10, 3), or (0, 0) for none"
        )
    crop = config.data.host_crop
    if crop and not _is_part(crop):
        raise UserError(
            f"config.data.host_crop={crop!r}; it must be (smallest, largest) part of the area, "
            "such as (0.5, 1.0), or () for no crop"
        )


def require_scores(config: ConfigDict) -> None:
    """Raise a UserError if the best checkpoints are to be kept, and none would get a score."""
    keep_best, every = config.checkpoint.keep_best, config.evaluation.every
    if keep_best and not 0 < every <= config.steps:
        raise UserError(
            f"config.checkpoint.keep_best={keep_best} keeps the checkpoints of the best k-NN "
            f"accuracy, which config.evaluation.every={every} never measures; set evaluation.every "
            f"to a number of steps up to config.steps={config.steps}, or keep_best to 0"
        )


def _is_part(crop: Sequence[Any]) -> bool:
    numeric = all(isinstance(value, numbers.Real) for value in crop)
    return len(crop) == 2 and numeric and 0 < crop[0] <= crop[1] <= 1
