"""Settings that make a step fit into a chip's memory, in the order in which they cost time."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ml_collections import ConfigDict

from ssljax.models.transformer import REMAT_POLICIES
from ssljax.objectives import objective_class
from ssljax.planning.plan import Plan
from ssljax.planning.program import can_remat

Settings = dict[str, Any]
# The part of a chip's memory above which the state is what is to be made smaller first.
LARGE_STATE = 0.25
MOST_MICRO_BATCHES = 16


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
    """Yield settings to try, by config key: fsdp for a large state, remat, accumulation."""
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
    for count in _micro_batches(config, first):
        yield {**least, "accumulate": count}


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
    return names[names.index(now) + 1 :] if can_remat(config) and now in names else []


def _micro_batches(config: ConfigDict, plan: Plan) -> Iterator[int]:
    if objective_class(config.objective.name).batch_coupled is not False:
        return
    chips, count = plan.mesh["data"] * plan.mesh["fsdp"], 2 * config.accumulate
    while count <= MOST_MICRO_BATCHES and config.batch_size % (chips * count) == 0:
        yield count
        count *= 2
