"""Where activations lie on a mesh of devices, for code that otherwise knows nothing of devices."""

import math

import jax
from jax.sharding import AxisType, PartitionSpec

BATCH_AXES = ("data", "fsdp")


def along_batch(x: jax.Array) -> jax.Array:
    """Hold x[B, ...], and its cotangent, to a layout of examples over "data" and "fsdp" alone.

    Without it a compiler that sees parameters cut over "fsdp" may cut activations likewise, and
    then adds up activations over devices where it should gather parameters. Nothing happens unless
    the function is traced under `jax.set_mesh` of a mesh that has these axes, and they divide B.

    >>> along_batch(jax.numpy.ones(2)).tolist()
    [1.0, 1.0]
    """
    mesh = jax.sharding.get_abstract_mesh()
    types = dict(zip(mesh.axis_names, mesh.axis_types, strict=True))
    if any(types.get(axis) != AxisType.Auto for axis in BATCH_AXES):
        return x
    if len(x) % math.prod(mesh.shape[axis] for axis in BATCH_AXES):
        return x
    return jax.lax.with_sharding_constraint(x, PartitionSpec(BATCH_AXES))
