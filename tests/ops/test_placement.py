import jax
import jax.numpy as jnp
import pytest
from jax.sharding import AxisType, PartitionSpec

from ssljax.ops.placement import along_batch


def _mesh(*names):
    sizes = (2, 4) if len(names) == 2 else (2, 2, 2)
    return jax.make_mesh(sizes, names, axis_types=(AxisType.Auto,) * len(names))


def _constraints(x, mesh):
    with jax.set_mesh(mesh):
        equations = jax.make_jaxpr(jax.grad(lambda x: jnp.sum(along_batch(x) ** 2)))(x).eqns
    return [
        one.params["sharding"].spec
        for one in equations
        if one.primitive.name == "sharding_constraint"
    ]


def test_activations_and_cotangents_are_cut_along_the_batch_alone():
    spec = PartitionSpec(("data", "fsdp"))
    found = _constraints(jnp.ones((8, 4)), _mesh("data", "fsdp", "tensor"))
    assert [PartitionSpec(*one[:1]) for one in found] == [spec, spec]
    assert all(axis is None for one in found for axis in one[1:])


@pytest.mark.parametrize(
    "shape, names", [((6, 4), ("data", "fsdp")), ((8, 4), ("rows", "columns"))]
)
def test_other_batches_and_other_meshes_are_left_alone(shape, names):
    assert not _constraints(jnp.ones(shape), _mesh(*names))


def test_nothing_happens_without_a_mesh():
    assert "sharding_constraint" not in str(jax.make_jaxpr(along_batch)(jnp.ones((8, 4))))
