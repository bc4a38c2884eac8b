"""The device mesh, and where every array of the state lies on it."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import jax
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from ssljax.errors import UserError
from ssljax.training.paths import path_name

AXES = ("data", "fsdp", "tensor")
BATCH = PartitionSpec(("data", "fsdp"))
Rules = Sequence[tuple[str, Sequence[str | None]]]


def make_mesh(sizes: Mapping[str, int], devices: Sequence[jax.Device] | None = None) -> Mesh:
    """Return the mesh ("data", "fsdp", "tensor") over `devices`, by default all there are.

    Args:
      sizes: devices along each axis; at most one may be -1, for what the others leave.
      devices: to build it of.

    Raises:
      UserError: an unknown axis, or sizes that do not multiply to the number of devices.
    """
    devices = list(devices if devices is not None else jax.devices())
    shape = [int(sizes[axis]) for axis in AXES]
    given = math.prod(size for size in shape if size != -1)
    bad = (
        shape.count(-1) > 1
        or any(size < 1 and size != -1 for size in shape)
        or len(devices) % max(given, 1)
    )
    if bad or (-1 not in shape and given != len(devices)):
        asked = ", ".join(f"{axis}={size}" for axis, size in zip(AXES, shape, strict=True))
        raise UserError(
            f"the mesh ({asked}) does not divide {len(devices)} devices; the sizes must multiply "
            f"to {len(devices)}, "
            "and one of them may be -1 for what the others leave"
        )
    shape = [len(devices) // given if size == -1 else size for size in shape]
    return jax.make_mesh(tuple(shape), AXES, axis_types=(AxisType.Auto,) * 3, devices=devices)


def check_batch_size(batch_size: int, mesh: Mesh, accumulate: int = 1) -> None:
    """Raise a UserError unless every device gets equally many examples of each micro-batch."""
    shards = mesh.shape["data"] * mesh.shape["fsdp"]
    if batch_size < 1 or batch_size % (shards * accumulate):
        unit = shards * accumulate
        nearest = max(unit, round(batch_size / unit) * unit)
        micro = f" in accumulate={accumulate} micro-batches" if accumulate > 1 else ""
        raise UserError(
            f"batch_size={batch_size}{micro} does not divide over {shards} devices (mesh axes "
            "data and fsdp); "
            f"the nearest that does is {nearest}"
        )


def batch_sharding(mesh: Mesh) -> NamedSharding:
    """Return the sharding of every array of a batch: its first axis over data and fsdp."""
    return NamedSharding(mesh, BATCH)


def replicated(mesh: Mesh) -> NamedSharding:
    """Return the sharding of an array that every device holds whole."""
    return NamedSharding(mesh, PartitionSpec())


def state_sharding(
    mesh: Mesh, abstract_state: Any, rules: Rules = (), *, min_size: int = 2**16
) -> Any:
    """Return the tree of shardings of a state.

    The first rule whose regex is found in an array's path gives its PartitionSpec. What no rule
    matches is sharded over "fsdp" along its largest divisible dimension when it has at least
    `min_size` elements, else replicated.

    Args:
      mesh: of `make_mesh`.
      abstract_state: a pytree of arrays or ShapeDtypeStructs.
      rules: (regex, axes) with one mesh axis or None for each leading dimension.
      min_size: in elements.

    Raises:
      UserError: a rule names an unknown axis, more axes than dimensions, or one that does not
        divide its dimension.
    """

    def place(path: Any, leaf: Any) -> NamedSharding:
        name = path_name(path)
        for pattern, axes in rules:
            if re.search(pattern, name):
                _check_rule(mesh, pattern, axes, name, leaf.shape)
                return NamedSharding(mesh, PartitionSpec(*axes))
        return NamedSharding(mesh, _over_fsdp(mesh, leaf.shape, min_size))

    return jax.tree_util.tree_map_with_path(place, abstract_state)


def _check_rule(
    mesh: Mesh, pattern: str, axes: Sequence[str | None], name: str, shape: tuple[int, ...]
) -> None:
    for axis, size in zip(axes, shape, strict=False):
        if axis is not None and (axis not in AXES or size % mesh.shape[axis]):
            raise UserError(
                f"sharding rule {pattern!r}: axis {axis!r} does not divide the dimension {size} "
                f"of {name} {shape}; "
                f"the axes are {dict(mesh.shape)}"
            )
    if len(axes) > len(shape):
        raise UserError(
            f"sharding rule {pattern!r} has {len(axes)} axes, but {name} has the shape {shape}"
        )


def _over_fsdp(mesh: Mesh, shape: tuple[int, ...], min_size: int) -> PartitionSpec:
    size = mesh.shape["fsdp"]
    divisible = [dim for dim in range(len(shape)) if shape[dim] % size == 0]
    if size == 1 or math.prod(shape) < min_size or not divisible:
        return PartitionSpec()
    largest = max(divisible, key=lambda dim: shape[dim])
    return PartitionSpec(*[None] * largest, "fsdp")
