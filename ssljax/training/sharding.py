"""The device mesh, and how a batch lies on it."""

import math
from collections.abc import Mapping, Sequence

import jax
import numpy as np
from jax.experimental.mesh_utils import create_device_mesh
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from ssljax.errors import UserError

AXES = ("data", "fsdp", "tensor")
BATCH = PartitionSpec(("data", "fsdp"))


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
    # A torus of chips need not have a dimension, or several, of the size of each axis.
    grid = create_device_mesh(shape, devices, allow_split_physical_axes=True)
    return Mesh(grid, AXES, axis_types=(AxisType.Auto,) * 3)


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


def local_rows(mesh: Mesh, batch_size: int) -> np.ndarray:
    """Return which rows of a global batch the devices of this host hold, int64, ascending.

    Hosts that hold different parts of the same examples (the axis "tensor" spans them) get the same
    rows. On a torus of chips the rows of a host need not follow one another.
    """
    held = batch_sharding(mesh).devices_indices_map((batch_size,))
    return np.unique([np.arange(batch_size)[held[device][0]] for device in mesh.local_devices])


def replicated(mesh: Mesh) -> NamedSharding:
    """Return the sharding of an array that every device holds whole."""
    return NamedSharding(mesh, PartitionSpec())
