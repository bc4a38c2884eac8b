"""Redundancy reduction against lightly: equal values and gradients, or the known relation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.losses import barlow_twins, tico, vicreg, w_mse
from tests.peers.test_losses import assert_equal, draw

torch = pytest.importorskip("torch")
lightly = pytest.importorskip("lightly.loss")
PAIR = (64, 16), (64, 16)


@pytest.mark.parametrize("weight", [0.005, 1.0])
def test_barlow_twins_is_lightlys(weight):
    assert_equal(
        lambda a, b: barlow_twins(a, b, off_diagonal_weight=weight),
        lightly.BarlowTwinsLoss(lambda_param=weight),
        draw(*PAIR),
    )


@pytest.mark.parametrize("scale", [0.1, 1.0])
def test_vicreg_is_lightlys(scale):
    weights = {"invariance_weight": 25.0, "variance_weight": 20.0, "covariance_weight": 2.0}
    assert_equal(
        lambda a, b: vicreg(a, b, **weights),
        lightly.VICRegLoss(lambda_param=25.0, mu_param=20.0, nu_param=2.0),
        [scale * z for z in draw(*PAIR)],
    )


def test_w_mse_is_lightlys_of_one_group():
    loss = lightly.WMSELoss(
        embedding_dim=16, eps=0.01, w_size=64, num_samples=2, track_running_stats=False
    )
    assert_equal(
        lambda a, b: jnp.mean(w_mse(a, b, group_size=64, epsilon=0.01)),
        lambda a, b: loss(torch.cat([a, b])),
        draw(*PAIR),
    )


def test_tico_is_lightlys_less_one_without_the_gradient_of_this_batchs_covariance():
    z1, z2 = draw(*PAIR)
    peer = lightly.TiCoLoss(beta=0.9, rho=8.0)
    covariance = np.zeros((16, 16), np.float32)
    for z in (z1, 2 * z1 - z2):  # twice, so that a covariance is remembered
        tensor = torch.tensor(z, requires_grad=True)
        value = peer(tensor, torch.tensor(z2))
        value.backward()
        loss, after = tico(z, z2, covariance, momentum=0.9, weight=8.0)
        assert float(jnp.mean(loss)) + 1 == pytest.approx(value.item(), rel=1e-5)
        np.testing.assert_allclose(after, peer.C, rtol=1e-5, atol=1e-7)
        gradient = jax.grad(
            lambda z, c=after: jnp.mean(tico(z, z2, c, momentum=1.0, weight=8.0)[0])
        )
        np.testing.assert_allclose(gradient(z), tensor.grad, rtol=1e-4, atol=1e-7)
        covariance = after


def test_tico_is_the_published_algorithm():
    def algorithm(z1, z2, covariance, momentum, weight):
        z1, z2 = torch.nn.functional.normalize(z1), torch.nn.functional.normalize(z2)
        covariance = momentum * covariance + (1 - momentum) * (z1.T @ z1) / len(z1)
        return -(z1 * z2).sum(1).mean() + weight * ((z1 @ covariance) * z1).sum(1).mean()

    z1, z2, covariance = draw((64, 16), (64, 16), (16, 16))
    assert_equal(
        lambda z: jnp.mean(tico(z, z2, covariance, momentum=0.9, weight=8.0)[0]),
        lambda z: algorithm(z, torch.tensor(z2), torch.tensor(covariance), 0.9, 8.0),
        [z1],
    )
