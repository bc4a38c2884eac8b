"""Devices, and the sharding of activations, for code that otherwise knows nothing of either."""

import math
from collections.abc import Callable, Sequence

import jax
from jax.sharding import AxisType, PartitionSpec

BATCH_AXES = ("data", "fsdp")
HEADS_AXIS = "tensor"


def along_batch(x: jax.Array) -> jax.Array:
    """Shard x[B, ...] and its cotangent over examples, along "data" and "fsdp" only.

    Without this constraint the compiler may shard activations like the parameters over "fsdp", and
    then sums activations over devices instead of gathering parameters. It has an effect only under
    `jax.set_mesh` of a mesh with these axes, and only if they divide B.

    >>> along_batch(jax.numpy.ones(2)).tolist()
    [1.0, 1.0]
    """
    mesh = jax.sharding.get_abstract_mesh()
    if not _is_auto(mesh, BATCH_AXES):
        return x
    if len(x) % math.prod(mesh.shape[axis] for axis in BATCH_AXES):
        return x
    return jax.lax.with_sharding_constraint(x, PartitionSpec(BATCH_AXES))


def shares(batch: int, heads: int) -> PartitionSpec | None:
    """Return how x[B, H, ...] lies on the mesh: examples over "data" and "fsdp", heads over
    "tensor", as far as they divide; None: there is no mesh, or none with these axes.

    It is for `jax.shard_map`, around what the compiler cannot partition itself.
    """
    mesh = jax.sharding.get_abstract_mesh()
    if not _is_auto(mesh, (*BATCH_AXES, HEADS_AXIS)):
        return None
    examples = math.prod(mesh.shape[axis] for axis in BATCH_AXES)
    return PartitionSpec(
        None if batch % examples else BATCH_AXES,
        None if heads % mesh.shape[HEADS_AXIS] else HEADS_AXIS,
    )


def on_own_examples(run: Callable[..., jax.Array], whole: int) -> Callable[..., jax.Array]:
    """Return `run` as each device runs it on its own examples; the same function of the batch.

    `run(*arrays)` must give rows [B, ...] that each depend on one example alone. The compiler
    decides for itself on how a loop is divided, and sums gradients of what all examples share over
    devices at each turn of it; here they are summed once.

    Args:
      run: the function.
      whole: so many arrays, the first, are shared by all examples; the others are [B, ...].

    >>> on_own_examples(lambda scale, x: scale * x, 1)(2.0, jax.numpy.ones(2)).tolist()
    [2.0, 2.0]
    """

    def divided(*arrays: jax.Array) -> jax.Array:
        mesh = jax.sharding.get_abstract_mesh()
        if not _is_auto(mesh, BATCH_AXES):
            return run(*arrays)
        devices = math.prod(mesh.shape[axis] for axis in BATCH_AXES)
        if devices == 1 or len(arrays[whole]) % devices:
            return run(*arrays)
        specs = [
            PartitionSpec() if i < whole else PartitionSpec(BATCH_AXES) for i in range(len(arrays))
        ]
        return jax.shard_map(
            run,
            in_specs=tuple(specs),
            out_specs=PartitionSpec(BATCH_AXES),
            axis_names={*BATCH_AXES},
            check_vma=False,
        )(*arrays)

    return divided


def platform() -> str:
    """Return the platform of the program: "cpu", "gpu" or "tpu".

    That of the devices of the mesh (`jax.set_mesh`), which need not be those of this machine: a
    step can be compiled for others. Without a mesh it is JAX's default.
    """
    device = jax.sharding.get_abstract_mesh().abstract_device
    return jax.default_backend() if device is None else device.platform


def _is_auto(mesh: jax.sharding.AbstractMesh, axes: Sequence[str]) -> bool:
    types = dict(zip(mesh.axis_names, mesh.axis_types, strict=True))
    return all(types.get(axis) == AxisType.Auto for axis in axes)
