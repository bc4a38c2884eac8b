"""Waveform encoders: convolutional positions, padding, what is hidden, the product quantizer."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax import models
from ssljax.errors import UserError
from ssljax.models import GumbelQuantizer, build_encoder, first_blocks
from ssljax.models.position_convolution import PositionConvolution
from tests.models.jitted import apply, init

KEY = jax.random.key(0)
BASE = {
    "name": "wave_transformer",
    "channels": 8,
    "width": 16,
    "depth": 3,
    "heads": 2,
    "positions": "convolution",
    "position_kernel": 4,
    "position_groups": 2,
    "norm_first": False,
    "embedding_norm": True,
}
WAVES = np.asarray(jax.random.normal(KEY, (2, 2320)))  # 7 frames


@jax.jit
def scrambled(params):
    keys = iter(jax.random.split(KEY, len(jax.tree.leaves(params))))
    return jax.tree.map(lambda x: x + 0.1 * jax.random.normal(next(keys), x.shape), params)


def build(**fields):
    encoder = build_encoder({**BASE, **fields})
    return encoder, jax.device_get(scrambled(init(encoder, KEY, WAVES)[0]))


def encode(encoder, params, x=WAVES, **options):
    return apply(encoder, params, {}, x, train=False, **options)[0]


@pytest.mark.parametrize("kernel", [4, 5])
def test_positions_are_those_of_a_loop(kernel):
    """An even kernel sees one token more of the past; each tap has a length of its own."""
    module = PositionConvolution(kernel, 2, 1, jnp.float32)
    x = np.asarray(jax.random.normal(KEY, (1, 6, 4)), np.float64)
    params = scrambled(init(module, KEY, x.astype(np.float32))[0])
    own = {name: np.asarray(leaf, np.float64) for name, leaf in params["conv_0"].items()}
    expected = np.zeros((6, 4))
    for t in range(6):
        for tap in range(kernel):
            at = t + tap - kernel // 2
            if 0 <= at < 6:
                weights = own["kernel"][tap]  # [inputs of a group, outputs]
                weights = own["scale"][tap] * weights / np.sqrt((weights**2).sum())
                for out in range(4):
                    group = slice(0, 2) if out < 2 else slice(2, 4)
                    expected[t, out] += x[0, at, group] @ weights[:, out]
    expected = jax.nn.gelu(jnp.asarray(expected + own["bias"], jnp.float32), approximate=False)
    found = apply(module, params, {}, x.astype(np.float32), train=False)[0]
    np.testing.assert_allclose(found[0], expected, atol=1e-5)


def test_the_scale_of_a_kernel_starts_as_its_length():
    params = init(PositionConvolution(4, 2, 1, jnp.float32), KEY, np.zeros((1, 6, 8)))[0]
    kernel = np.asarray(params["conv_0"]["kernel"])
    np.testing.assert_allclose(
        params["conv_0"]["scale"], np.linalg.norm(kernel.reshape(4, -1), axis=1), rtol=1e-6
    )
    assert set(init(PositionConvolution(5, 2, 2, jnp.float32), KEY, np.zeros((1, 6, 8)))[0]) == {
        "conv_0",
        "conv_1",
    }


@pytest.mark.parametrize("fields", [{}, {"convolution_norm": "layer", "convolution_bias": True}])
def test_frames_come_before_the_mask(fields):
    encoder, params = build(**fields)
    masked = np.arange(7)[None] == np.array([[2], [5]])
    plain = encode(encoder, params)
    hidden = encode(encoder, params, masked=masked, mask_token=np.ones(16, np.float32))
    jax.tree.map(np.testing.assert_array_equal, plain.frames, hidden.frames)
    assert plain.frames.normalised.shape == (2, 7, 8)
    assert not np.allclose(plain.tokens, hidden.tokens)


def test_what_is_hidden_is_not_seen_through_the_positions():
    """data2vec 2.0: the encoder of a few frames must not know the others."""
    encoder, params = build(convolution_norm="layer")
    keep = np.array([[[0, 1, 4], [2, 3, 6]], [[5, 6, 1], [0, 2, 4]]])

    def of(waves):
        return np.asarray(encode(encoder, params, waves, keep=keep).tokens)

    tokens = of(WAVES)
    assert tokens.shape == (4, 3, 16)
    # The samples of frame 5 alone, those of no frame before 5 or after.
    at = np.arange(2320)
    other = of(np.where((at >= 1680) & (at < 1920), WAVES + 3, WAVES))
    np.testing.assert_array_equal(tokens[:2], other[:2])
    assert not np.allclose(tokens[2], other[2])
    np.testing.assert_array_equal(tokens[3], other[3])
    whole = encode(encoder, params)
    every = encode(encoder, params, keep=np.arange(7)[None].repeat(2, 0))
    np.testing.assert_allclose(every.tokens, whole.tokens, atol=1e-5)


def test_padding_changes_no_frame_that_does_not_see_it():
    encoder, params = build(convolution_norm="layer")
    real = (np.arange(2320) < np.array([[2320], [1400]])).astype(np.int32)  # 4 frames
    padded = jax.device_get(encode(encoder, params, segments=real))
    alone = jax.device_get(encode(encoder, params, WAVES[1:, :1400]))
    np.testing.assert_allclose(padded.tokens[1, :4], alone.tokens[0], atol=1e-5)
    np.testing.assert_allclose(padded.pooled[1], alone.pooled[0], atol=1e-5)


def test_first_blocks_give_what_the_whole_encoder_has_there():
    for scan in (True, False):
        encoder, params = build(scan=scan)
        blocks = [first_blocks(encoder, params, n) for n in (1, 2, 3)]
        tokens = [np.asarray(encode(*one).tokens) for one in blocks]
        np.testing.assert_allclose(tokens[2], encode(encoder, params).tokens, atol=1e-5)
        run = functools.partial(models.apply, encoder, train=False, layers=True)
        whole = jax.jit(lambda p, run=run: run(p, {}, WAVES)[0])
        layers = np.asarray(whole(params).layers)  # means of their tokens
        for n in range(3):
            np.testing.assert_allclose(tokens[n].mean(1), layers[:, n, 1], atol=1e-5)


def test_the_gradient_of_the_convolutions_is_scaled_and_no_other():
    encoder, params = build(feature_gradient=0.1)

    def gradient(encoder):
        def loss(params):
            out = encode(encoder, params)
            return jnp.sum(out.tokens**2) + jnp.sum(out.frames.convolved)

        return jax.device_get(jax.jit(jax.grad(loss))(params))

    whole, small = gradient(encoder.clone(feature_gradient=1.0)), gradient(encoder)
    for name, tree in whole["wave_embed"].items():
        factor = 0.1 if name.startswith(("conv", "norm_")) else 1.0
        for leaf, other in zip(
            jax.tree.leaves(tree), jax.tree.leaves(small["wave_embed"][name]), strict=True
        ):
            np.testing.assert_allclose(other, factor * leaf, rtol=1e-4, atol=1e-4)


def test_groups_that_do_not_divide_the_width_are_refused():
    with pytest.raises(UserError, match="encoder.position_groups=3 must divide encoder.width=16"):
        build_encoder({**BASE, "position_groups": 3})


def test_the_quantizer_takes_the_vectors_of_the_largest_scores():
    module = GumbelQuantizer(groups=2, codes=5, width=6)
    x, noise = jax.device_get(
        (jax.random.normal(KEY, (2, 4, 3)), jax.random.gumbel(KEY, (2, 4, 2, 5)))
    )
    params = jax.device_get(init(module, KEY, x)[0])
    out = jax.device_get(apply(module, params, {}, x, train=True, noise=noise, temperature=0.7)[0])
    logits = (x @ params["linear"]["kernel"]).reshape(2, 4, 2, 5)
    np.testing.assert_allclose(out.logits, logits, atol=1e-5)
    np.testing.assert_array_equal(out.codes, np.argmax(logits + noise, -1))
    book = params["codebook"]
    assert (book.min() >= 0) and (book.max() < 1) and book.shape == (10, 3)
    expected = np.concatenate([book[out.codes[..., 0]], book[5 + out.codes[..., 1]]], axis=-1)
    np.testing.assert_array_equal(out.vectors, expected)  # exactly: equal codes are equal vectors
    plain = apply(module, params, {}, x, train=False)[0]
    np.testing.assert_array_equal(plain.codes, np.argmax(logits, -1))


def test_the_gradient_of_the_quantizer_is_that_of_the_soft_choice():
    module = GumbelQuantizer(groups=1, codes=5, width=3)
    x, noise = jax.random.normal(KEY, (1, 2, 3)), jax.random.gumbel(KEY, (1, 2, 1, 5))
    params, weights = init(module, KEY, x)[0], jax.random.normal(KEY, (1, 2, 3))

    def hard(x):
        options = {"noise": noise, "temperature": 0.7}
        vectors = apply(module, params, {}, x, train=True, **options)[0].vectors
        return jnp.sum(vectors * weights)

    def soft(x):
        scores = (x @ params["linear"]["kernel"] + noise[:, :, 0]) / 0.7
        return jnp.sum(jax.nn.softmax(scores) @ params["codebook"] * weights)

    of_hard, of_soft = (jax.jit(jax.grad(one))(x) for one in (hard, soft))
    np.testing.assert_allclose(of_hard, of_soft, rtol=1e-4, atol=1e-6)
