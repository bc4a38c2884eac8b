"""The sharding of activations, for code that otherwise knows nothing of devices."""

import math

import jax
from jax.sharding import AxisType, PartitionSpec

BATCH_AXES = ("data", "fsdp")


def along_batch(x: jax.Array) -> jax.Array:
    """Shard x[B, ...] and its cotangent over examples, along "data" and "fsdp" only.

    Without this constraint the compiler may shard activations like the parameters over "fsdp", and
    then sums activations over devices instead of gathering parameters. It has an effect only under
    `jax.set_mesh` of a mesh with these axes, and only if they divide B.

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
