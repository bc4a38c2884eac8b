"""The one way in which leaves of a pytree are named: "encoder/block_0/attention/query/kernel"."""

from typing import Any

import jax


def path_name(path: tuple[Any, ...]) -> str:
    """Return the name of a key path of `jax.tree_util`: its keys joined by "/".

    >>> import jax
    >>> [(path, _)] = jax.tree_util.tree_leaves_with_path({"encoder": {"block_0": [1.0]}})
    >>> path_name(path)
    'encoder/block_0/0'
    """
    return jax.tree_util.keystr(path, simple=True, separator="/")


def named_leaves(tree: Any) -> dict[str, Any]:
    """Return the leaves of `tree` by name, in the order in which JAX flattens it.

    >>> named_leaves({"head": {"bias": 2, "kernel": 3}, "encoder": {"kernel": 1}})
    {'encoder/kernel': 1, 'head/bias': 2, 'head/kernel': 3}
    """
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    named = {path_name(path): leaf for path, leaf in leaves}
    if len(named) < len(leaves):
        raise ValueError("two leaves have one path; is there a '/' in the name of a component?")
    return named
