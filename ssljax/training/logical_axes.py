"""From the logical axis names of arrays to the axis of the mesh over which they are cut."""

from collections.abc import Mapping
from typing import Any

import jax

from ssljax.errors import unknown
from ssljax.models.axes import names_kept, split
from ssljax.objectives import Objective
from ssljax.training.tree_paths import path_name

Names = tuple[str | None, ...]

# Where the dimensions go that have a name, see `ssljax.models.axes`.
RULES: Mapping[str, str | None] = {
    # The layers of a scan: each is needed whole, by all devices at once.
    "layers": None,
    "embed": None,
    # A branch of the transformer is two linear maps. The first is cut by its outputs, so that every
    # device has some heads or hidden units of its own, the second by its inputs: one sum over the
    # devices for each branch (Shoeybi et al. 2019, Megatron-LM, arXiv:1909.08053).
    "heads": "tensor",
    "mlp": "tensor",
    # What scores are made with, cut by the scores: every device has those of some words, prototypes
    # or earlier examples, and a softmax over them takes a maximum and a sum over the devices.
    "vocab": "tensor",
    "prototypes": "tensor",
    "codes": "tensor",
    "queue": "tensor",
    # What a head gives of each token or image.
    "outputs": "tensor",
}


def mesh_axes(names: tuple[str | None, ...], where: str) -> list[str | None]:
    """Return the mesh axis of each dimension, None: the names do not say.

    Args:
      names: of the dimensions.
      where: what has them, for the error.

    Raises:
      UserError: a name is not one of `RULES`.

    >>> mesh_axes(("layers", "embed", "heads"), "query/kernel")
    [None, None, 'tensor']
    """
    for name in names:
        if name is not None and name not in RULES:
            raise unknown(f"logical axis of {where}:", name, RULES)
    return [None if name is None else RULES[name] for name in names]


def evaluated(objective: Objective) -> tuple[Any, Any, dict[str, Names]]:
    """Return (params, objective_state, names) of an objective, nothing of which is computed.

    Returns:
      Trees of ShapeDtypeStructs, and the names of their arrays by path in the train state, which
      begins with "params" or "objective_state".
    """
    key = jax.random.key(0)
    with names_kept():  # a function of its own, as what was traced without names must not be found
        params, kept = jax.eval_shape(lambda: objective.init(key, key))
    names: dict[str, Names] = {}
    plain = []
    for part, tree in (("params", params), ("objective_state", kept)):
        arrays, own = split(tree)
        plain.append(arrays)
        leaves = jax.tree_util.tree_leaves_with_path(own, is_leaf=lambda x: isinstance(x, tuple))
        names |= {f"{part}/{path_name(path)}": leaf for path, leaf in leaves}
    return *plain, names


def names_of(path: str, names: Mapping[str, Names]) -> Names:
    """Return the names of one array of the train state, () for none.

    Args:
      path: of the array; one of the optimizer's ends with the path of its parameter.
      names: of parameters and objective state, see `evaluated`.

    >>> names_of("opt_state/0/mu/head/kernel", {"params/head/kernel": ("embed", "vocab")})
    ('embed', 'vocab')
    """
    if path in names:
        return names[path]
    keys = path.split("/")
    ends = ("/".join(["params", *keys[first:]]) for first in range(1, len(keys)))
    return next((names[end] for end in ends if end in names), ())
