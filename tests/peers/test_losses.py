"""Losses against lightly and transformers: equal values and gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.losses import (
    byol_regression,
    info_nce,
    masked_mse,
    negative_cosine,
    normalize_patches,
    nt_xent,
)
from ssljax.ops.patches import patchify

torch = pytest.importorskip("torch")


def draw(*shapes):
    rng = np.random.default_rng(0)
    return [rng.normal(size=shape).astype(np.float32) for shape in shapes]


def torch_value_and_gradients(loss, arrays):
    tensors = [torch.tensor(array, requires_grad=True) for array in arrays]
    value = loss(*tensors)
    value.backward()
    zero = [torch.zeros_like(t) if t.grad is None else t.grad for t in tensors]
    return value.item(), [gradient.numpy() for gradient in zero]


def assert_equal(ours, theirs, arrays):
    value, gradients = jax.value_and_grad(ours, tuple(range(len(arrays))))(*arrays)
    peer_value, peer_gradients = torch_value_and_gradients(theirs, arrays)
    assert float(value) == pytest.approx(peer_value, rel=1e-5)
    for gradient, peer in zip(gradients, peer_gradients, strict=True):
        np.testing.assert_allclose(gradient, peer, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("temperature", [0.07, 0.5])
def test_nt_xent_is_lightlys(temperature):
    lightly = pytest.importorskip("lightly.loss")
    assert_equal(
        lambda a, b: jnp.mean(nt_xent(a, b, temperature=temperature)),
        lightly.NTXentLoss(temperature=temperature),
        draw((32, 16), (32, 16)),
    )


def test_info_nce_is_lightlys_with_a_memory_bank():
    lightly = pytest.importorskip("lightly.loss")
    query, positive, negatives = draw((8, 16), (8, 16), (64, 16))
    loss = lightly.NTXentLoss(temperature=0.2, memory_bank_size=(64, 16))
    bank = torch.nn.functional.normalize(torch.tensor(negatives), dim=1)
    loss.memory_bank.bank = bank
    loss.memory_bank.bank_ptr = torch.zeros(1, dtype=torch.long)
    assert_equal(
        lambda q: jnp.mean(info_nce(q, positive, negatives, temperature=0.2)),
        lambda q: loss(q, torch.tensor(positive)),
        [query],
    )


def test_negative_cosine_is_lightlys():
    lightly = pytest.importorskip("lightly.loss")
    loss = lightly.NegativeCosineSimilarity()
    assert_equal(
        lambda p, z: jnp.mean(negative_cosine(p, z)),
        lambda p, z: loss(p, z.detach()),
        draw((32, 16), (32, 16)),
    )


def test_byol_regression_is_twice_one_plus_that():
    lightly = pytest.importorskip("lightly.loss")
    loss = lightly.NegativeCosineSimilarity()
    assert_equal(
        lambda p, z: jnp.mean(byol_regression(p, z)),
        lambda p, z: 2 + 2 * loss(p, z.detach()),
        draw((32, 16), (32, 16)),
    )


@pytest.mark.parametrize("normalise", [False, True])
def test_masked_mse_is_that_of_transformers_vit_mae(normalise):
    transformers = pytest.importorskip("transformers")
    config = transformers.ViTMAEConfig(
        image_size=8, patch_size=2, hidden_size=8, num_hidden_layers=1, num_attention_heads=1,
        intermediate_size=8, decoder_hidden_size=8, decoder_num_hidden_layers=1,
        decoder_num_attention_heads=1, decoder_intermediate_size=8, norm_pix_loss=normalise,
    )  # fmt: skip
    (images,) = draw((3, 8, 8, 3))
    peer = transformers.ViTMAEForPreTraining(config)(torch.tensor(images).permute(0, 3, 1, 2))
    (peer_gradient,) = torch.autograd.grad(peer.loss, peer.logits)
    target = patchify(jnp.asarray(images), patch=2)
    target = normalize_patches(target) if normalise else target

    def ours(prediction):
        return jnp.mean(masked_mse(prediction, target, where=peer.mask.numpy() > 0))

    value, gradient = jax.value_and_grad(ours)(peer.logits.detach().numpy())
    assert float(value) == pytest.approx(peer.loss.item(), rel=1e-5)
    np.testing.assert_allclose(gradient, peer_gradient, rtol=1e-4, atol=1e-7)
