"""The arrays of a state by path: what a checkpoint stores, and what it must hold to be restored."""

import re
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ssljax.errors import UserError
from ssljax.training.tree_paths import named_leaves

_OF_OLDER_OPTIMIZER = re.compile(r"opt_state/(\d+|inner_states)/")


def described(state: Any) -> dict[str, list[Any]]:
    """Return {path: [dtype, shape]}.

    Raises:
      TypeError: a leaf is a random key.
    """
    found = {}
    for path, leaf in named_leaves(state).items():
        if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            raise TypeError(
                f"the state holds a random key at {path}; keys are derived from the seed and the "
                "step, and not stored"
            )
        found[path] = [np.dtype(leaf.dtype).name, list(leaf.shape)]
    return found


def nested(state: Any) -> dict[str, Any]:
    """Return nested dictionaries of the leaves, so that Orbax need not know our classes.

    Arrays without elements, which it refuses to save, are left out; `empty` makes them anew.
    """
    tree: dict[str, Any] = {}
    for path, leaf in named_leaves(state).items():
        if 0 in leaf.shape:
            continue
        *parents, name = path.split("/")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[name] = leaf
    return tree


def empty(leaf: Any) -> jax.Array:
    """Return the array without elements that an abstract one describes."""
    return jnp.zeros(leaf.shape, leaf.dtype, device=leaf.sharding)


def placed(leaf: Any) -> jax.ShapeDtypeStruct:
    """Return an abstract array with a sharding; without one it goes to the first device."""
    sharding = leaf.sharding or jax.sharding.SingleDeviceSharding(jax.devices()[0])
    return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding)


def require_same(saved: Mapping[str, Any], wanted: Mapping[str, Any], where: Any) -> None:
    """Compare the arrays of the checkpoint `where` with those wanted, both as of `described`.

    Raises:
      UserError: they differ; it names up to three arrays.
    """

    def text(leaf: list[Any] | None) -> str:
        return "absent" if leaf is None else f"{leaf[0]}{leaf[1]}"

    different = [
        f"{path} is {text(saved.get(path))} there and {text(wanted.get(path))} here"
        for path in dict.fromkeys([*wanted, *saved])
        if saved.get(path) != wanted.get(path)
    ]
    if any(_OF_OLDER_OPTIMIZER.match(path) for path in saved.keys() - wanted.keys()):
        raise UserError(
            f"the checkpoint {where} was written by an earlier version of ssljax, whose optimizer "
            "counted the steps itself; that run can be continued by that version only. Its "
            '"params" can start a new run, with config.init_from'
        )
    if different:
        more = f"; {len(different) - 3} more differ" if len(different) > 3 else ""
        raise UserError(
            f"the checkpoint {where} is of another config: {'; '.join(different[:3])}{more}"
        )
