"""Masked prediction against PyTorch and transformers: equal losses, targets and gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from einops import rearrange

from ssljax.losses import masked_cross_entropy, masked_l1, smooth_l1
from ssljax.modalities import modality_of
from ssljax.models import MLP, build_encoder
from ssljax.ops.normalize import standardize
from ssljax.ops.patches import patchify
from ssljax.spec import Field
from tests.models.jitted import apply, init
from tests.peers.test_losses import assert_equal, draw
from tests.peers.test_models import (
    VIT_NAMES,
    error,
    gradients,
    parameters,
    randomise,
    to_torch,
    translated,
)

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

KEY = jax.random.key(0)
SIZES = {
    "image_size": 32,
    "patch_size": 8,
    "hidden_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 192,
    "layer_norm_eps": 1e-6,
}
VIT = {"name": "vit", "patch_size": 8, "image_size": 32, "width": 48, "depth": 2, "heads": 4}


@pytest.mark.parametrize("beta", [0.3, 1.0])
def test_smooth_l1_is_pytorchs(beta):
    assert_equal(
        lambda p, t: jnp.mean(smooth_l1(p, t, beta=beta)),
        lambda p, t: torch.nn.functional.smooth_l1_loss(p, t.detach(), beta=beta),
        draw((4, 3, 5, 16), (4, 3, 5, 16)),
    )


def test_masked_cross_entropy_is_that_of_transformers_beit():
    config = transformers.BeitConfig(**SIZES, vocab_size=32, use_mask_token=True)
    theirs = transformers.BeitForMaskedImageModeling(config)
    randomise(theirs)
    masked = np.argsort(np.random.default_rng(0).random((3, 16)), axis=1) < 6
    labels = np.random.default_rng(1).integers(0, 32, (3, 16))
    (images,) = draw((3, 32, 32, 3))
    out = theirs(
        to_torch(images),
        bool_masked_pos=torch.tensor(masked),
        labels=torch.tensor(labels[masked]),
    )
    (peer,) = torch.autograd.grad(out.loss, out.logits)
    logits = out.logits.detach().numpy()

    def ours(logits):
        return jnp.mean(masked_cross_entropy(logits, labels, where=masked))

    value, gradient = jax.value_and_grad(ours)(logits[:, -16:])
    assert float(value) == pytest.approx(out.loss.item(), rel=1e-5)
    np.testing.assert_allclose(gradient, peer.numpy()[:, -16:], rtol=1e-4, atol=1e-7)


def test_normalised_targets_are_pytorchs():
    (x,) = draw((3, 7, 16))
    functional, tensor = torch.nn.functional, torch.tensor(x)
    np.testing.assert_allclose(
        standardize(x), functional.layer_norm(tensor, (16,)).numpy(), rtol=1e-4, atol=1e-5
    )
    instances = functional.instance_norm(tensor.transpose(1, 2)).transpose(1, 2)
    np.testing.assert_allclose(standardize(x, axis=1), instances.numpy(), rtol=1e-4, atol=1e-5)


def test_simmim():
    """The whole model: mask token, encoder, linear decoder and loss, and all of their gradients."""
    config = transformers.ViTConfig(**SIZES, encoder_stride=8)
    theirs = transformers.ViTForMaskedImageModeling(config).train()
    randomise(theirs)
    encoder, head = build_encoder({**VIT, "scan": False}), MLP((), 8 * 8 * 3)
    images = jax.random.normal(KEY, (4, 32, 32, 3))
    masked = np.random.default_rng(0).permuted(np.tile(np.arange(16) < 10, (4, 1)), axis=1)
    shapes = jax.eval_shape(lambda: init(encoder, KEY, images)[0])

    def all_of(tensors):
        """`tensors` is a function of a torch module."""
        inside = tensors(theirs.vit)
        token = inside.pop("embeddings.mask_token")
        outside = {n: np.asarray(v.detach()) for n, v in tensors(theirs.decoder).items()}
        # A 1x1 convolution to (c p q), which a pixel shuffle spreads; here (p q c).
        kernel = rearrange(outside["0.weight"], "(c p q) d 1 1 -> d (p q c)", p=8, q=8)
        bias = rearrange(outside["0.bias"], "(c p q) -> (p q c)", p=8, q=8)
        return {
            "encoder": translated(shapes, inside, VIT_NAMES),
            "token": np.asarray(token.detach()).reshape(48),
            "head": {"output": {"kernel": kernel, "bias": bias}},
        }

    @jax.jit
    @jax.value_and_grad
    def step(params):
        hidden = {"masked": masked, "mask_token": params["token"]}
        out, _ = apply(encoder, params["encoder"], {}, images, train=True, **hidden)
        predicted, _ = apply(head, params["head"], {}, out.tokens, train=True)
        return jnp.mean(masked_l1(predicted, patchify(images, patch=8), where=masked))

    loss, grads = step(all_of(parameters))
    out = theirs(to_torch(images), bool_masked_pos=torch.tensor(masked))
    out.loss.backward()
    np.testing.assert_allclose(loss, out.loss.item(), rtol=1e-5)
    assert error(grads, all_of(gradients)) < 1e-5


def test_the_encoder_of_i_jepa():
    """No class token, and the mean of the tokens for its features."""
    theirs = transformers.IJepaModel(transformers.IJepaConfig(**SIZES), add_pooling_layer=False)
    randomise(theirs)
    ours = build_encoder({**VIT, "scan": False, "class_token": False, "pool": "mean"})
    images = jax.random.normal(KEY, (4, 32, 32, 3))
    shapes, _ = jax.eval_shape(lambda: init(ours, KEY, images))
    params = translated(shapes, parameters(theirs), VIT_NAMES)
    with torch.no_grad():
        hidden = theirs.eval()(to_torch(images)).last_hidden_state.numpy()
    out, _ = apply(ours, params, {}, images, train=False)
    assert error(out.tokens, hidden) < 1e-5
    assert error(out.pooled, hidden.mean(1)) < 1e-5


def test_masked_patches_of_series_are_those_of_patchtst():
    """The same patches, and the same error over the same hidden ones, with the model's gradient.

    PatchTST encodes channels each on its own: to it, a series of C channels is C series of one.
    """
    config = transformers.PatchTSTConfig(
        num_input_channels=3,
        context_length=32,
        patch_length=8,
        patch_stride=8,
        num_hidden_layers=2,
        d_model=16,
        num_attention_heads=2,
        ffn_dim=32,
        mask_type="random",
        random_mask_ratio=0.5,
        scaling=None,
        dropout=0.0,
        attention_dropout=0.0,
        head_dropout=0.0,
    )
    theirs = transformers.PatchTSTForPretraining(config)
    randomise(theirs)
    masker, seen = theirs.model.masking, {}

    def note(module, inputs, outputs):
        seen.update(patches=inputs[0], mask=outputs[1])

    masker.register_forward_hook(note)
    (series,) = draw((4, 32, 3))
    out = theirs(torch.from_numpy(series))
    prediction = out.prediction_output
    prediction.retain_grad()
    out.loss.backward()

    field = Field("series", (32, 1), "float32", mean=(0.0,), std=(1.0,))
    encoder = build_encoder({"name": "series_transformer", "patch_size": 8, "length": 32}, field)
    made = modality_of(field).reconstruction(field, encoder, False)
    channels = rearrange(series, "b t c -> (b c) t 1")
    patches = rearrange(seen["patches"].detach().numpy(), "b c n p -> (b c) n p")
    np.testing.assert_array_equal(made.target(jnp.asarray(channels)), patches)
    hidden = rearrange(seen["mask"].numpy().astype(bool), "b c n -> (b c) n")
    assert hidden.any() and not hidden.all()

    def loss(prediction):
        return jnp.mean(made.loss(prediction, jnp.asarray(channels), hidden))

    flat = rearrange(prediction.detach().numpy(), "b c n p -> (b c) n p")
    value, gradient = jax.value_and_grad(loss)(flat)
    assert float(value) == pytest.approx(out.loss.item(), rel=1e-5)
    expected = rearrange(prediction.grad.numpy(), "b c n p -> (b c) n p")
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-7)
