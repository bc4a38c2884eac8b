"""Settings that make a step fit into a chip's memory, in the order in which they cost time."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ml_collections import ConfigDict

from ssljax.models import encoder_class
from ssljax.models.transformer import REMAT_POLICIES
from ssljax.objectives import objective_class
from ssljax.planning.plan import Plan

Settings = dict[str, Any]
# The part of a chip's memory above which the state is what is to be made smaller first.
LARGE_STATE = 0.25
MOST_PARTS = 16  # of a batch


def search(config: ConfigDict, first: Plan, plan: Callable[[Settings], Plan]) -> list[Plan]:
    """Return `first` and the plans of the settings tried after it, up to the first that fits.

    Args:
      config: complete.
      first: the plan of the config as it is.
      plan: makes the plan of the config with further settings.
    """
    plans = [first]
    for settings in candidates(config, first):
        if plans[-1].memory.fits:
            break
        plans.append(plan(settings))
    return plans


def candidates(config: ConfigDict, first: Plan) -> Iterator[Settings]:
    """Yield settings to try, by config key: fsdp for a large state, remat, parts of a batch."""
    state, room = first.memory.state, LARGE_STATE * first.memory.capacity
    shards, now = _shards(first), first.mesh["fsdp"]
    cut: Settings = {}
    if shards and state > room:
        enough = [size for size in shards if state * now / size <= room]
        cut = _fsdp(enough[0] if enough else shards[-1])
        yield cut
    levels = _levels(config)
    for level in levels:
        yield {**cut, "encoder.remat": level}
    least = {**(_fsdp(shards[-1]) if shards else {})}
    least |= {"encoder.remat": levels[-1]} if levels else {}
    if shards and least.get("mesh.fsdp") != cut.get("mesh.fsdp"):
        yield least
    for parts in _parts(config, first):
        yield {**least, **parts}


def _fsdp(size: int) -> Settings:
    return {"mesh.data": -1, "mesh.fsdp": size}


def _shards(plan: Plan) -> Sequence[int]:
    """Return the sizes of the fsdp axis, larger than now, that the chips allow: powers of two."""
    chips = plan.mesh["data"] * plan.mesh["fsdp"]
    sizes = (2**power for power in range(1, chips.bit_length()))
    return [size for size in sizes if size > plan.mesh["fsdp"] and chips % size == 0]


def _levels(config: ConfigDict) -> Sequence[str]:
    """Return the remat policies that keep less than the one in the config."""
    names = list(REMAT_POLICIES)  # from all to nothing
    now = config.encoder.get("remat", "none")
    return names[names.index(now) + 1 :] if _has(config, "remat") and now in names else []


def _parts(config: ConfigDict, plan: Plan) -> Iterator[Settings]:
    """Yield ways to cut a batch: the step's, or the encoder's where the loss needs it whole."""
    if not objective_class(config.objective.name).batch_coupled:
        key, now = "accumulate", config.accumulate
    elif _has(config, "grad_cache"):
        key, now = "encoder.grad_cache", config.encoder.get("grad_cache", 1)
    else:
        return
    chips, count = plan.mesh["data"] * plan.mesh["fsdp"], 2 * now
    while count <= MOST_PARTS and plan.batch_size % (chips * count) == 0:
        yield {key: count}
        count *= 2


def _has(config: ConfigDict, field: str) -> bool:
    """Return whether the encoder of a config has a field of that name."""
    fields = dataclasses.fields(encoder_class(config.encoder.name))
    return field in {known.name for known in fields}
