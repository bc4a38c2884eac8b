"""The arrays of a state by the paths of the tables: blocks one by one, whether scanned or not."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ssljax.training.state import TrainState
from ssljax.training.tree_paths import named_leaves

_STACKED = re.compile(r"(?P<before>.*)/blocks/(?P<after>.*)")


def flat(
    params: Any, stats: Any, take: Callable[[Any, int | None], Any] | None = None
) -> dict[str, Any]:
    """Return parameters and batch statistics by path.

    Args:
      params: by component.
      stats: likewise; their paths begin with "stats/".
      take: gives the array of a leaf, or of the block of that number in a leaf of all blocks; by
        default as a NumPy array.
    """
    take = take or _array
    found: dict[str, Any] = {}
    for start, tree in (("", params), ("stats/", stats)):
        for path, leaf in named_leaves(tree).items():
            if match := _STACKED.fullmatch(path):
                for i in range(leaf.shape[0]):
                    found[f"{start}{_of_block(match, i)}"] = take(leaf, i)
            else:
                found[start + path] = take(leaf, None)
    return found


def shapes(params: Any, stats: Any) -> dict[str, tuple[int, ...]]:
    """Return the shapes of what `flat` would return, of abstract arrays too."""
    return flat(params, stats, lambda leaf, i: leaf.shape if i is None else leaf.shape[1:])


def placed(state: TrainState, arrays: Mapping[str, np.ndarray]) -> TrainState:
    """Return a state with some arrays of the network replaced, the teacher's copies too.

    Args:
      state: the fresh one.
      arrays: by path, as of `flat`.
    """
    places = {
        "params/": "",
        "objective_state/stats/": "stats/",
        "objective_state/teacher/": "",
        "objective_state/teacher_stats/": "stats/",
    }

    def new(path: str, leaf: jax.Array) -> jax.Array:
        for start, own in places.items():
            if path.startswith(start):
                array = _assembled(own + path.removeprefix(start), leaf.shape, arrays)
                if array is not None:
                    return jax.device_put(jnp.asarray(array, leaf.dtype), leaf.sharding)
        return leaf

    leaves = [new(path, leaf) for path, leaf in named_leaves(state).items()]
    return jax.tree.unflatten(jax.tree.structure(state), leaves)


def _assembled(
    path: str, shape: tuple[int, ...], arrays: Mapping[str, np.ndarray]
) -> np.ndarray | None:
    if match := _STACKED.fullmatch(path):
        blocks = [arrays.get(_of_block(match, i)) for i in range(shape[0])]
        return None if any(block is None for block in blocks) else np.stack(blocks)
    return arrays.get(path)


def _of_block(match: re.Match, i: int) -> str:
    return f"{match['before']}/block_{i}/{match['after']}"


def _array(leaf: Any, i: int | None) -> np.ndarray:
    whole = np.asarray(leaf)
    return whole if i is None else whole[i]
