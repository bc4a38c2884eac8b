"""Logical axis names: what the dimensions of an array count, said where the array is made.

A large array can be cut over devices along some of its dimensions without more communication than
a sum or a maximum: attention's kernels by heads, a classifier's by classes. The module that makes a
parameter, and the objective that makes a queue, name those dimensions; how a name is placed on the
mesh is the concern of whoever has a mesh (as in MaxText, and Flax's logical partitioning).

Names do not show outside `names_kept`: what is initialised, trained and saved are plain arrays.
"""

import contextlib
import contextvars
from collections.abc import Iterator
from typing import Any

import jax
from flax import linen as nn
from jax.nn.initializers import Initializer

Names = tuple[str | None, ...]
LAYERS = "layers"  # the name that a scan gives to the axis on which it stacks parameters

_KEPT = contextvars.ContextVar("names are kept", default=False)


@contextlib.contextmanager
def names_kept() -> Iterator[None]:
    """Keep the names, within, in the trees of whatever is initialised, for `split` to take out."""
    token = _KEPT.set(True)
    try:
        yield
    finally:
        _KEPT.reset(token)


def named(tree: Any, *names: str | None) -> Any:
    """Say what the first dimensions of every array of a tree count; returns the tree.

    Args:
      tree: of fresh arrays; those with fewer dimensions take the first names.
      *names: see `ssljax.training.logical_axes.RULES`; None for a dimension that is never cut.

    >>> named(jax.numpy.zeros((2, 3)), "queue").shape
    (2, 3)
    """
    if not _KEPT.get():
        return tree

    def box(leaf: Any) -> Any:
        own = (*names, *[None] * leaf.ndim)[: leaf.ndim]
        return nn.LogicallyPartitioned(leaf, own)

    return jax.tree.map(box, tree)


def named_init(init: Initializer, *names: str | None) -> Initializer:
    """Return an initializer whose arrays have these names."""
    return lambda *args: named(init(*args), *names)


def split(tree: Any) -> tuple[Any, Any]:
    """Return a tree made within `names_kept` as plain arrays, and its names: () where none are."""

    def is_box(leaf: Any) -> bool:
        return isinstance(leaf, nn.LogicallyPartitioned)

    plain = jax.tree.map(lambda x: x.value if is_box(x) else x, tree, is_leaf=is_box)
    names = jax.tree.map(lambda x: x.names if is_box(x) else (), tree, is_leaf=is_box)
    return plain, names
