"""Where every array of the state lies on the mesh: ordered rules on its path."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import jax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from ssljax.errors import UserError, unknown
from ssljax.training.logical_axes import Names, mesh_axes, names_of
from ssljax.training.param_groups import is_stacked
from ssljax.training.sharding import AXES
from ssljax.training.tree_paths import named_leaves, path_name

Axes = Sequence[str | Sequence[str] | None]  # for each dimension; trailing ones may be left out
Rules = Sequence[tuple[str, Axes]]


def state_sharding(
    mesh: Mesh,
    abstract_state: Any,
    rules: Rules = (),
    *,
    names: Mapping[str, Names] | None = None,
    min_size: int = 2**16,
) -> Any:
    """Return the tree of shardings of a state.

    The first rule whose regex is found in an array's path gives its PartitionSpec. What no rule
    matches is cut over "tensor" where the names of its dimensions say so (`logical_axes.RULES`) and
    the axis divides the dimension; and, with at least `min_size` elements, over "fsdp" along the
    larger of its last two dimensions that is left and divisible. The others are the layers of a
    scan and the cells of a convolution, of which each is needed whole. What is then not cut is
    replicated.

    Args:
      mesh: of `make_mesh`.
      abstract_state: a pytree of arrays or ShapeDtypeStructs.
      rules: (regex, axes) with a mesh axis, several or None for each leading dimension.
      names: of the dimensions of parameters and objective state, see `logical_axes.evaluated`.
      min_size: in elements.

    Raises:
      UserError: a rule is malformed, matches nothing, names an unknown axis or one twice, more axes
        than dimensions, or one that does not divide its dimension.
    """
    patterns = [(_compiled(rule), rule[1]) for rule in rules]
    paths = list(named_leaves(abstract_state))
    for pattern, _ in patterns:
        if not any(pattern.search(path) for path in paths):
            raise UserError(
                f"sharding rule {pattern.pattern!r} matches nothing: it is found in none of the "
                f"{len(paths)} paths of the state, such as {paths[len(paths) // 2]}"
            )

    def place(path: Any, leaf: Any) -> NamedSharding:
        name = path_name(path)
        for pattern, axes in patterns:
            if pattern.search(name):
                _check_rule(mesh, pattern.pattern, axes, name, leaf.shape)
                return NamedSharding(mesh, _spec(axes))
        wished = mesh_axes(names_of(name, names or {}), name)
        return NamedSharding(mesh, _spec(_default_axes(mesh, name, leaf.shape, wished, min_size)))

    return jax.tree_util.tree_map_with_path(place, abstract_state)


def _compiled(rule: Any) -> re.Pattern[str]:
    good = isinstance(rule, Sequence) and len(rule) == 2 and isinstance(rule[0], str)
    if not good or isinstance(rule[1], str) or not isinstance(rule[1], Sequence):
        raise UserError(
            f"config.sharding_rules has {rule!r}; a rule is (regex on the path, mesh axes by "
            'dimension), such as ("queue/rows$", ("fsdp", None))'
        )
    try:
        return re.compile(rule[0])
    except re.error as error:
        raise UserError(
            f"sharding rule {rule[0]!r} is not a regular expression ({error})"
        ) from error


def _check_rule(mesh: Mesh, pattern: str, axes: Axes, name: str, shape: tuple[int, ...]) -> None:
    if len(axes) > len(shape):
        raise UserError(
            f"sharding rule {pattern!r} has {len(axes)} axes, but {name} has the shape {shape}"
        )
    groups = [_group(axis) for axis in axes]
    used = [axis for group in groups for axis in group]
    for axis in used:
        if axis not in AXES:
            raise unknown(f"mesh axis in sharding rule {pattern!r}:", axis, AXES)
        if used.count(axis) > 1:
            raise UserError(f"sharding rule {pattern!r} uses the mesh axis {axis!r} twice")
    for group, size in zip(groups, shape, strict=False):
        if size % math.prod(mesh.shape[axis] for axis in group):
            raise UserError(
                f"sharding rule {pattern!r}: {' and '.join(group)} do not divide the dimension "
                f"{size} of {name} {shape}; the mesh is {dict(mesh.shape)}"
            )


def _group(axis: str | Sequence[str] | None) -> tuple[str, ...]:
    if axis is None:
        return ()
    return (axis,) if isinstance(axis, str) else tuple(axis)


def _default_axes(
    mesh: Mesh, name: str, shape: tuple[int, ...], wished: list[str | None], min_size: int
) -> list[str | None]:
    axes: list[str | None] = [None] * len(shape)

    def divided(dim: int, axis: str) -> bool:
        return mesh.shape[axis] > 1 and axes[dim] is None and shape[dim] % mesh.shape[axis] == 0

    if len(wished) == len(shape):  # an optimizer may hold an array of another shape
        for dim, axis in enumerate(wished):
            if axis is not None and divided(dim, axis):
                axes[dim] = axis
    if math.prod(shape) >= min_size:
        dims = range(max(int(is_stacked(name)), len(shape) - 2), len(shape))
        largest = max(
            (dim for dim in dims if divided(dim, "fsdp")), key=shape.__getitem__, default=None
        )
        if largest is not None:
            axes[largest] = "fsdp"
    return axes


def _spec(axes: Axes) -> PartitionSpec:
    groups = [_group(axis) for axis in axes]
    while groups and not groups[-1]:
        groups.pop()
    return PartitionSpec(*(group[0] if len(group) == 1 else group or None for group in groups))


def describe_sharding(abstract_state: Any) -> str:
    """Return a table for people: one line for each array of the state, and where it lies.

    Args:
      abstract_state: a pytree of arrays or ShapeDtypeStructs, with shardings.
    """
    rows, total = [("array", "shape", "dtype", "sharding", "MiB per device")], 0
    for path, leaf in named_leaves(abstract_state).items():
        held = math.prod(leaf.sharding.shard_shape(leaf.shape)) * leaf.dtype.itemsize
        total += held
        shape = "x".join(map(str, leaf.shape)) or "scalar"
        rows.append((path, shape, leaf.dtype.name, _axes_text(leaf), f"{held / 2**20:.3f}"))
    rows.append(("total", "", "", "", f"{total / 2**20:.3f}"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def _axes_text(leaf: Any) -> str:
    axes = ["+".join(_group(axis)) or "-" for axis in leaf.sharding.spec]
    return " x ".join(axes + ["-"] * (leaf.ndim - len(axes))) if axes else "replicated"
