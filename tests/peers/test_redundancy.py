"""Redundancy reduction against lightly: equal values and gradients, or the known relation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.losses import barlow_twins, sigreg, tico, vicreg, w_mse
from tests.peers.test_losses import assert_equal, draw, torch_value_and_gradients

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


def test_the_official_gradient_of_barlow_twins_is_a_share_of_the_true_one():
    """Its devices sum their correlations unseen by autograd; their gradients are averaged."""
    devices, weight = 4, 0.1
    z1, z2 = draw(*PAIR)

    def official(z1, z2):
        y1, y2 = (torch.nn.functional.batch_norm(z, None, None, training=True) for z in (z1, z2))
        shards = zip(y1.chunk(devices), y2.chunk(devices), strict=True)
        parts = [a.T @ b / len(z1) for a, b in shards]
        everywhere = sum(part.detach() for part in parts)
        errors = [(everywhere + part - part.detach() - torch.eye(16)).square() for part in parts]
        weights = weight + (1 - weight) * torch.eye(16)
        return sum((weights * error).sum() for error in errors) / devices

    peer, peer_gradients = torch_value_and_gradients(official, [z1, z2])
    value, gradients = jax.value_and_grad(
        lambda a, b: barlow_twins(a, b, off_diagonal_weight=weight), (0, 1)
    )(z1, z2)
    assert float(value) == pytest.approx(peer, rel=1e-5)
    for gradient, share in zip(gradients, peer_gradients, strict=True):
        np.testing.assert_allclose(gradient, devices * share, rtol=1e-4, atol=1e-6)


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


@pytest.mark.parametrize("scale", [0.1, 1.0, 5.0])
def test_sigreg_is_the_published_algorithm(scale):
    t = torch.linspace(0, 3, 17)
    normal = torch.exp(-t.square() / 2)

    def algorithm(z, directions):
        x = (z @ torch.nn.functional.normalize(directions, dim=1).T)[..., None] * t
        distance = (x.cos().mean(0) - normal).square() + x.sin().mean(0).square()
        return 2 * len(z) * torch.trapezoid(distance * normal, t).mean()

    z, directions = draw((64, 16), (32, 16))
    assert_equal(
        lambda z: sigreg(z, directions),
        lambda z: algorithm(z, torch.tensor(directions)),
        [scale * z],
    )
