import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jax.test_util import check_grads

from ssljax.models import BatchNorm
from tests.models.jitted import apply, init
from tests.reference import models as reference

KEY = jax.random.key(0)


def normalise(x, train=True, stats=None, **fields):
    module = BatchNorm(**fields)
    params, fresh = init(module, KEY, x)
    return apply(module, params, fresh if stats is None else stats, x, train=train)


@pytest.mark.parametrize("shape", [(6, 3), (4, 3, 2, 5)])
def test_against_the_definition(shape):
    x = 3 * jax.random.normal(KEY, shape) + 2
    y, stats = normalise(x, momentum=0.8)
    expected, mean, var = reference.batch_norm(x)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(stats["mean"], 0.2 * mean, rtol=1e-5)
    np.testing.assert_allclose(stats["var"], 0.8 + 0.2 * var, rtol=1e-5)


def test_evaluation_uses_the_running_statistics():
    x = jax.random.normal(KEY, (6, 3))
    stats = {"mean": jnp.array([1.0, 2.0, 3.0]), "var": jnp.array([4.0, 9.0, 16.0])}
    y, kept = normalise(x, train=False, stats=stats)
    np.testing.assert_allclose(y, (x - stats["mean"]) / np.array([2, 3, 4]), rtol=1e-4, atol=1e-5)
    assert jax.tree.all(jax.tree.map(np.array_equal, kept, stats))


def test_gradient_against_finite_differences():
    module = BatchNorm()
    x = jax.random.normal(KEY, (5, 3))
    params, stats = init(module, KEY, x)
    params = {"scale": jnp.array([1.0, -2.0, 0.5]), "bias": jnp.array([0.0, 1.0, 2.0])}

    def f(params, x):
        return jnp.sum(jnp.sin(apply(module, params, stats, x, train=True)[0]))

    check_grads(f, (params, x), order=1, modes=["rev"], rtol=2e-2, eps=1e-2)


def test_running_statistics_do_not_change_the_output():
    x = jax.random.normal(KEY, (16, 3))
    moved = {"mean": jnp.array([0.5, -1.0, 2.0]), "var": jnp.ones(3)}
    np.testing.assert_array_equal(normalise(x)[0], normalise(x, stats=moved)[0])


@pytest.mark.parametrize("shape", [(512, 2), (32, 4, 4, 2)])
@pytest.mark.parametrize("offset", [1e3, -1e4])
def test_a_far_offset_costs_no_precision(shape, offset):
    """In a fresh network too, whose running mean is 0."""
    x = (np.random.default_rng(0).normal(size=shape) + offset).astype(np.float32)
    expected, mean, var = reference.batch_norm(x)
    y, stats = normalise(jnp.asarray(x), momentum=0.0)
    np.testing.assert_allclose(y, expected, atol=2e-5)
    np.testing.assert_allclose(stats["mean"], mean, rtol=1e-6)
    np.testing.assert_allclose(stats["var"], var, rtol=1e-5)


def test_a_first_example_that_is_nothing_like_the_others_costs_little():
    """It is sqrt(B) standard deviations off, the most that one of B can be."""
    x = 1e-3 * np.random.default_rng(0).normal(size=(1024, 2)).astype(np.float32)
    x[0] = 1e6
    expected, _, var = reference.batch_norm(x)
    y, stats = normalise(jnp.asarray(x), momentum=0.0)
    bound = 4 * len(x) * np.finfo(np.float32).eps
    np.testing.assert_allclose(y, expected, rtol=bound)
    np.testing.assert_allclose(stats["var"], var, rtol=bound)


@pytest.mark.parametrize("groups", [1, 8])
def test_one_device_and_eight_agree_far_from_zero(groups):
    x = 1e3 + jax.random.normal(KEY, (32, 3, 2))
    mesh = Mesh(np.array(jax.devices()), ("data",))
    sharded = jax.device_put(x, NamedSharding(mesh, PartitionSpec("data")))
    one, many = (normalise(value, groups=groups) for value in (x, sharded))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-5), one, many)


def test_constant_channels_give_zero_and_finite_gradients():
    x = jnp.full((8, 2), 7.0)
    y, _ = normalise(x)
    np.testing.assert_allclose(y, 0, atol=1e-3)
    module = BatchNorm()
    params, stats = init(module, KEY, x)
    grad = jax.grad(lambda x: jnp.sum(apply(module, params, stats, x, train=True)[0] ** 2))(x)
    assert np.isfinite(grad).all()


def test_groups_are_normalised_each_by_its_own():
    x = jax.random.normal(KEY, (12, 2, 2, 3)) * jnp.arange(1, 13)[:, None, None, None]
    y, stats = normalise(x, groups=3, momentum=0.0)
    parts = [reference.batch_norm(part) for part in np.split(np.asarray(x), 3)]
    np.testing.assert_allclose(y, np.concatenate([p[0] for p in parts]), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(stats["mean"], np.mean([p[1] for p in parts], 0), rtol=1e-4)
    np.testing.assert_allclose(stats["var"], np.mean([p[2] for p in parts], 0), rtol=1e-4)


def test_groups_must_divide_the_batch():
    with pytest.raises(ValueError, match="encoder.bn_groups=4 must divide the batch of 6"):
        normalise(jnp.zeros((6, 2)), groups=4)


def test_statistics_are_float32_for_bfloat16_input():
    x = (jax.random.normal(KEY, (256, 4)) + 5).astype(jnp.bfloat16)
    y, stats = normalise(x)
    assert y.dtype == jnp.bfloat16
    assert stats["mean"].dtype == stats["var"].dtype == jnp.float32
    expected, mean, _ = reference.batch_norm(x.astype(jnp.float32))
    np.testing.assert_allclose(stats["mean"], 0.1 * mean, rtol=1e-5)
    np.testing.assert_allclose(y.astype(jnp.float32), expected, atol=0.02)


def test_affine_parameters_are_optional():
    x = jnp.ones((4, 3))
    names = {
        (s, b): init(BatchNorm(use_scale=s, use_bias=b), KEY, x)[0].keys()
        for s in (True, False)
        for b in (True, False)
    }
    assert names[True, True] == {"scale", "bias"}
    assert names[True, False] == {"scale"}
    assert names[False, True] == {"bias"}
    assert names[False, False] == set()
