"""Soft cross entropy against PyTorch's own, and CIE Lab against scikit-image, where installed."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.losses import soft_cross_entropy
from ssljax.ops.color_space import rgb_to_lab


def test_soft_cross_entropy_is_pytorchs_with_shares_as_targets():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(4, 6, 9)).astype(np.float32)
    targets = rng.dirichlet(np.ones(9), size=(4, 6)).astype(np.float32)
    weights = rng.random((4, 6)).astype(np.float32)

    tensor = torch.tensor(logits, requires_grad=True)
    at_place = torch.nn.functional.cross_entropy(
        tensor.permute(0, 2, 1), torch.tensor(targets).permute(0, 2, 1), reduction="none"
    )
    peer = (at_place * torch.tensor(weights)).mean()
    peer.backward()

    value, gradient = jax.value_and_grad(
        lambda s: jnp.mean(soft_cross_entropy(s, targets, weights=weights))
    )(logits)
    assert float(value) == pytest.approx(peer.item(), rel=1e-6)
    np.testing.assert_allclose(gradient, tensor.grad, rtol=1e-4, atol=1e-8)


def test_lab_is_scikit_images():
    color = pytest.importorskip("skimage.color")
    rgb = np.random.default_rng(0).random((50, 3)).astype(np.float32)
    np.testing.assert_allclose(rgb_to_lab(jnp.asarray(rgb)), color.rgb2lab(rgb), atol=0.02)
