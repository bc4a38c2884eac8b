import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax import losses
from tests.reference.losses import redundancy as reference

barlow_twins, vicreg, tico, sigreg = (
    jax.jit(f) for f in (losses.barlow_twins, losses.vicreg, losses.tico, losses.sigreg)
)
w_mse = jax.jit(losses.w_mse, static_argnames=("group_size", "epsilon"))
VICREG = {"invariance_weight": 25.0, "variance_weight": 25.0, "covariance_weight": 1.0}


def normal(*shape, seed=0):
    return jax.random.normal(jax.random.key(seed), shape)


def white(batch, dim):
    """Rows of mean 0 whose biased covariance is the identity."""
    z = np.random.default_rng(0).normal(size=(batch, dim))
    z -= z.mean(axis=0)
    left, _, right = np.linalg.svd(z, full_matrices=False)
    return (left @ right * np.sqrt(batch)).astype(np.float32)


def test_barlow_twins_of_identical_white_views_is_zero():
    z = white(64, 8)
    assert abs(float(barlow_twins(z, z, off_diagonal_weight=1.0))) < 1e-6


def test_barlow_twins_of_independent_views():
    batch, dim, weight = 512, 64, 0.1
    loss = barlow_twins(*normal(2, batch, dim), off_diagonal_weight=weight)
    expected = dim * (1 + 1 / batch) + weight * dim * (dim - 1) / batch
    np.testing.assert_allclose(loss, expected, rtol=0.03)


def test_barlow_twins_of_identical_views_of_rank_one():
    z = jnp.outer(normal(64), jnp.array([1.0, 3.0, 0.5, 2.0]))
    loss = barlow_twins(z, z, off_diagonal_weight=0.2)
    np.testing.assert_allclose(loss, 0.2 * 4 * 3, rtol=1e-3)


def test_barlow_twins_of_collapsed_views():
    z = jnp.tile(normal(8), (16, 1))
    np.testing.assert_allclose(barlow_twins(z, z, off_diagonal_weight=1.0), 8, rtol=1e-6)


def test_barlow_twins_normalises_by_the_biased_variance():
    z = jnp.array([[1.0], [-1.0]])  # variance 1, unbiased 2, which would give a loss of 1/4
    assert abs(float(barlow_twins(z, z, off_diagonal_weight=1.0))) < 1e-6


def test_barlow_twins_by_hand():
    # The two features of view 2 are those of view 1, the second with its sign turned.
    z1 = jnp.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    z2 = 5 * z1 * jnp.array([1.0, -1.0]) + 3
    np.testing.assert_allclose(barlow_twins(z1, z2, off_diagonal_weight=1.0), 4, rtol=1e-4)
    # Exchanged features: a diagonal of 0 and two ones beside it.
    loss = barlow_twins(z1, z1[:, ::-1], off_diagonal_weight=0.3)
    np.testing.assert_allclose(loss, 2 + 2 * 0.3, rtol=1e-4)


def test_vicreg_of_collapsed_views():
    z = jnp.ones((8, 4))
    np.testing.assert_allclose(vicreg(z, z, **VICREG), 24.75, rtol=1e-6)


def test_vicreg_covariance_of_independent_features():
    batch, dim = 256, 128
    z = normal(2, batch, dim)
    only = {"invariance_weight": 0.0, "variance_weight": 0.0, "covariance_weight": 1.0}
    np.testing.assert_allclose(vicreg(*z, **only), 2 * (dim - 1) / (batch - 1), rtol=0.03)


@pytest.mark.parametrize(
    "term, value",
    [
        ("invariance", 9.0),  # a mean over features, not a sum
        ("variance", 0.5 * (1 - np.sqrt(0.5 + 1e-4))),  # a mean over views; that of z1 is enough
        ("covariance", 2**2 + 0.5**2),  # a sum over views: 2 entries each, over D = 2
    ],
)
def test_vicreg_by_hand(term, value):
    z1 = jnp.array([[1.0, 1.0], [-1.0, -1.0]])  # variance 2, covariance 2
    z2 = jnp.array([[4.0, 4.0], [2.0, 2.0]]) if term == "invariance" else z1 / 2 + 7
    weights = {name: float(name == f"{term}_weight") for name in VICREG}
    np.testing.assert_allclose(vicreg(z1, z2, **weights), value, rtol=1e-5)


def test_vicreg_needs_two_examples():
    with pytest.raises(ValueError, match="z1 must hold at least 2 examples"):
        vicreg(jnp.ones((1, 4)), jnp.ones((1, 4)), **VICREG)


def test_w_mse_of_identical_views_is_zero_and_of_independent_ones_two():
    z1, z2 = normal(2, 1024, 8)
    np.testing.assert_allclose(w_mse(z1, z1, group_size=64, epsilon=0.0), 0, atol=1e-6)
    loss = w_mse(z1, z2, group_size=64, epsilon=0.0)
    np.testing.assert_allclose(jnp.mean(loss), 2, rtol=0.03)


def test_w_mse_does_not_see_scale_and_shift_of_features():
    z = normal(32, 4)
    other = z * jnp.array([0.1, 7.0, 2.0, 1.0]) + jnp.array([5.0, 0.0, -3.0, 1.0])
    np.testing.assert_allclose(w_mse(z, other, group_size=16, epsilon=0.0), 0, atol=1e-5)


def test_w_mse_whitens_each_group_by_itself():
    z1, z2 = normal(2, 48, 4)
    whole = w_mse(z1, z2, group_size=16, epsilon=0.01)
    parts = [
        w_mse(z1[i : i + 16], z2[i : i + 16], group_size=16, epsilon=0.01) for i in (0, 16, 32)
    ]
    np.testing.assert_allclose(whole, np.concatenate(parts), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("rank", [0, 1, 4])
@pytest.mark.parametrize("size", [1e-6, 1.0, 1e3, 1e8, 1e20])
def test_w_mse_of_collapsed_views_is_finite(rank, size):
    """24 rows, whose mean is rounded, as the mean of 16 equal numbers is not."""
    shared, loadings = normal(24, 4), normal(4, 12, seed=1)
    z1 = size * (1 + shared[:, :rank] @ loadings[:rank])
    z2 = size * (1 - shared[:, :rank] @ loadings[:rank])

    def loss(z):
        return jnp.mean(w_mse(z, z2, group_size=24, epsilon=1e-4))

    value, gradient = jax.value_and_grad(loss)(z1)
    assert np.isfinite(value) and np.isfinite(gradient).all()


def test_w_mse_by_hand():
    # One dimension: whitening divides by the deviation 1 and the unit vectors are signs.
    z1, z2 = jnp.array([[1.0], [-1.0], [2.0], [-2.0]]), jnp.array([[1.0], [2.0], [-1.0], [-2.0]])
    loss = w_mse(z1, z2, group_size=4, epsilon=0.0)
    np.testing.assert_allclose(loss, [0, 4, 4, 0], atol=1e-6)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"group_size": 6}, "group_size must be a divisor of the batch size 8, got 6"),
        ({"group_size": 0}, "group_size must be a divisor of the batch size 8, got 0"),
        ({"group_size": 4}, "group_size must be larger than D = 4, or the covariance is singular"),
        ({"epsilon": -0.1}, "epsilon must be between 0 and 1, got -0.1"),
        ({"epsilon": 2.0}, "epsilon must be between 0 and 1, got 2.0"),
    ],
)
def test_w_mse_refuses(change, message):
    with pytest.raises(ValueError, match=message):
        w_mse(normal(8, 4), normal(8, 4), **{"group_size": 8, "epsilon": 0.1, **change})


def test_tico_of_collapsed_views_at_the_stationary_covariance():
    z = jnp.tile(normal(8), (16, 1))
    unit = z[0] / jnp.linalg.norm(z[0])
    loss, covariance = tico(z, z, jnp.outer(unit, unit), momentum=0.9, weight=8.0)
    np.testing.assert_allclose(loss, 7, rtol=1e-5)
    np.testing.assert_allclose(covariance, jnp.outer(unit, unit), atol=1e-6)


def test_tico_of_spread_views_at_the_stationary_covariance():
    z = jnp.eye(8)
    loss, covariance = tico(z, z, jnp.eye(8) / 8, momentum=0.9, weight=8.0)
    np.testing.assert_allclose(loss, 8 / 8 - 1, atol=1e-6)
    np.testing.assert_allclose(covariance, jnp.eye(8) / 8, atol=1e-7)


def test_tico_by_hand():
    z1, z2 = jnp.array([[2.0, 0.0], [0.0, 1.0]]), jnp.array([[1.0, 0.0], [0.0, -3.0]])
    before = jnp.array([[1.0, 0.0], [0.0, 0.5]])
    loss, covariance = tico(z1, z2, before, momentum=0.5, weight=10.0)
    np.testing.assert_allclose(covariance, [[0.75, 0], [0, 0.5]], atol=1e-7)
    np.testing.assert_allclose(loss, [10 * 0.75 - 1, 10 * 0.5 + 1], rtol=1e-6)


def test_tico_returns_the_covariance_without_gradient():
    z1, z2 = np.asarray(normal(2, 16, 4))
    covariance = np.asarray(normal(4, 4, seed=1))
    _, after = tico(z1, z2, covariance, momentum=0.9, weight=8.0)
    expected = reference.tico_covariance(z1, covariance, momentum=0.9)
    np.testing.assert_allclose(after, expected, rtol=1e-5, atol=1e-6)
    gradient = jax.grad(lambda z: jnp.sum(tico(z, z2, covariance, momentum=0.9, weight=8.0)[1]))(z1)
    assert not gradient.any()


@pytest.mark.parametrize("momentum", [-0.1, 1.1])
def test_tico_refuses_a_momentum_out_of_range(momentum):
    with pytest.raises(ValueError, match=f"momentum must be between 0 and 1, got {momentum}"):
        losses.tico(normal(4, 2), normal(4, 2), jnp.eye(2), momentum=momentum, weight=8.0)


@pytest.mark.parametrize("batch, dim", [(8, 4), (64, 4), (64, 32)])
def test_sigreg_of_normal_numbers(batch, dim):
    directions = normal(32, dim, seed=1)
    draws = jax.vmap(lambda z: sigreg(z, directions))(normal(1000, batch, dim))
    np.testing.assert_allclose(jnp.mean(draws), 1.052, rtol=0.04)


def test_sigreg_of_collapsed_projections():
    loss = sigreg(jnp.zeros((100, 8)), normal(16, 8))
    np.testing.assert_allclose(loss, 0.402 * 100, rtol=2e-3)


def test_sigreg_sees_one_direction_at_a_time():
    z = normal(64, 2) * jnp.array([1.0, 0.01])  # collapsed along the second axis
    healthy, collapsed = sigreg(z, jnp.eye(2)[:1]), sigreg(z, jnp.eye(2)[1:])
    assert float(healthy) < 4 < 20 < float(collapsed)
    both = sigreg(z, 3 * jnp.eye(2))  # whatever the length
    np.testing.assert_allclose(both, (healthy + collapsed) / 2, rtol=1e-5)


def test_sigreg_does_not_keep_the_sines():
    batch, slices = 2048, 512
    z = jax.ShapeDtypeStruct((batch, 64), jnp.float32)
    directions = jax.ShapeDtypeStruct((slices, 64), jnp.float32)
    compiled = jax.jit(jax.value_and_grad(losses.sigreg)).lower(z, directions).compile()
    one = 4 * batch * slices  # bytes of an array B x S
    assert compiled.memory_analysis().temp_size_in_bytes < 8 * one
