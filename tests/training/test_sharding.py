"""The mesh, the rules of the state, and the errors of both."""

import jax
import jax.numpy as jnp
import pytest
from jax.sharding import PartitionSpec

from ssljax.errors import UserError
from ssljax.training.sharding import check_batch_size, make_mesh, state_sharding


def _mesh(data=-1, fsdp=1, tensor=1):
    return make_mesh({"data": data, "fsdp": fsdp, "tensor": tensor})


@pytest.mark.parametrize(
    "sizes, shape", [((-1, 1, 1), (8, 1, 1)), ((-1, 2, 2), (2, 2, 2)), ((1, -1, 1), (1, 8, 1))]
)
def test_minus_one_is_what_is_left(sizes, shape):
    assert tuple(_mesh(*sizes).shape.values()) == shape


@pytest.mark.parametrize("sizes", [(3, 1, 1), (-1, 3, 1), (-1, -1, 1), (4, 1, 1), (0, 1, 1)])
def test_a_mesh_that_does_not_fit_is_refused(sizes):
    with pytest.raises(UserError, match="does not divide 8 devices"):
        _mesh(*sizes)


def test_batch_size_error_names_the_nearest():
    with pytest.raises(UserError, match="nearest that does is 96"):
        check_batch_size(100, _mesh(), accumulate=2)
    with pytest.raises(UserError, match="nearest that does is 8"):
        check_batch_size(3, _mesh())
    check_batch_size(64, _mesh(), accumulate=2)


def test_large_arrays_go_over_fsdp_on_their_largest_divisible_dimension():
    mesh = _mesh(2, 4, 1)
    state = {
        "large": jax.ShapeDtypeStruct((512, 1024), jnp.float32),
        "odd": jax.ShapeDtypeStruct((512, 1023), jnp.float32),
        "small": jax.ShapeDtypeStruct((16, 16), jnp.float32),
        "prime": jax.ShapeDtypeStruct((521, 523), jnp.float32),
    }
    specs = jax.tree.map(lambda s: s.spec, state_sharding(mesh, state))
    assert specs["large"] == PartitionSpec(None, "fsdp")
    assert specs["odd"] == PartitionSpec("fsdp")
    assert specs["small"] == specs["prime"] == PartitionSpec()


def test_the_first_rule_that_matches_decides():
    mesh = _mesh(2, 2, 2)
    state = {"queue": {"rows": jnp.zeros((64, 8))}, "other": jnp.zeros((64, 8))}
    rules = [("queue/rows", ("tensor", None)), ("queue", (None, "fsdp"))]
    specs = jax.tree.map(lambda s: s.spec, state_sharding(mesh, state, rules))
    assert specs["queue"]["rows"] == PartitionSpec("tensor", None)
    assert specs["other"] == PartitionSpec()


@pytest.mark.parametrize(
    "axes, message",
    [(("tensors",), "axis 'tensors'"), (("fsdp",), "divide"), ((None,) * 3, "3 axes")],
)
def test_a_bad_rule_is_named(axes, message):
    with pytest.raises(UserError, match=message):
        state_sharding(_mesh(2, 4, 1), {"w": jnp.zeros((6, 4))}, [("w", axes)])
