"""M3AE: what is hidden of an image and of its text follows from what is visible of both."""

import functools
import zlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from ssljax.errors import UserError
from ssljax.losses import masked_lm, masked_mse
from ssljax.models import build_encoder
from ssljax.objectives import Run, build_objective
from ssljax.ops.keys import per_example
from ssljax.ops.masking import Mask
from ssljax.ops.patches import patchify
from ssljax.spec import PRESENCE, Value, presence_of
from tests.objectives.cases import CASES, FURTHER
from tests.objectives.conftest import BATCH, PAIRS, TEXT, trial

KEY = jax.random.key(3)
OFFICIAL = (0.5528933, 5.5940952)  # loss of images, of texts
THERE = {"image": np.arange(BATCH) % 3 != 1, "text": np.arange(BATCH) % 4 != 2}
LACKING = {presence_of(name): flags for name, flags in THERE.items()}


def build(encoder=None, words=None, spec=PAIRS, **changes):
    own, section = CASES["m3ae"]
    further = build_encoder({**FURTHER["m3ae"]["text"], **(words or {})}, TEXT)
    run = Run(
        build_encoder({**own, **(encoder or {})}),
        spec,
        steps=10,
        batch_size=BATCH,
        encoders={"text": further},
    )
    return build_objective(ConfigDict({**section, "views": {"crop": {}}, **changes}), run)


@functools.cache
def params():
    return jax.device_get(jax.jit(build().init_networks)(jax.random.key(0))[0])


def value_of(objective, params, batch):
    run = jax.jit(lambda params, batch: objective.value(params, {}, batch, key=KEY, step=0))
    loss, aux = run(params, batch)
    return float(loss), jax.device_get(aux.metrics)


def of_loops(objective, params, batch):
    """Return both losses of each example where the decoder gives the same whatever it is shown."""
    masks = jax.jit(objective._masks)(
        per_example(jax.random.split(KEY)[1], batch["row"]), batch["text"].segments > 0
    )
    hidden = [np.asarray(mask.masked) for mask in masks]
    view = jax.jit(lambda: objective.views.stacked(KEY, batch)[:, 0])()
    pixels = np.asarray(patchify(view, patch=(2, 2)), np.float64)
    bias = np.asarray(params["decoder"]["word_output"]["bias"], np.float64)
    scores = bias - np.log(np.sum(np.exp(bias)))
    images, texts = [], []
    for b in range(BATCH):
        squares = [np.mean(pixels[b, n] ** 2) for n in range(16) if hidden[0][b, n]]
        images.append(sum(squares) / len(squares))
        entropies = [-scores[batch["text"].data[b, n]] for n in range(16) if hidden[1][b, n]]
        texts.append(sum(entropies) / len(entropies) if entropies else 0.0)
    return np.array(images), np.array(texts), hidden


def test_the_loss_is_that_of_hidden_patches_and_hidden_words():
    """A decoder whose maps are 0 leaves the squares of pixels, and the biases of ids."""
    objective = build(text_weight=0.3, image_weight=2.0)
    decoder = {
        **params()["decoder"],
        "image_output": jax.tree.map(np.zeros_like, params()["decoder"]["image_output"]),
        "word_output": {
            "kernel": np.zeros_like(params()["decoder"]["word_output"]["kernel"]),
            "bias": np.random.default_rng(0).normal(size=TEXT.vocab).astype(np.float32),
        },
    }
    made = {**params(), "decoder": decoder}
    batch = trial("m3ae").batches[0]
    loss, metrics = value_of(objective, made, batch)
    images, texts, hidden = of_loops(objective, made, batch)
    np.testing.assert_allclose(metrics["loss/image"], images.mean(), rtol=1e-5)
    np.testing.assert_allclose(metrics["loss/text"], texts.mean(), rtol=1e-5)
    np.testing.assert_allclose(loss, 2 * images.mean() + 0.3 * texts.mean(), rtol=1e-5)
    lengths = np.sum(batch["text"].segments, axis=1)
    visible = np.maximum(1, lengths // 4)
    np.testing.assert_array_equal(hidden[0].sum(axis=1), 12)
    np.testing.assert_array_equal(hidden[1].sum(axis=1), lengths - visible)

    spec = PAIRS.replace(**{presence_of(name): PRESENCE for name in THERE})
    lacking = build(spec=spec)
    _, metrics = value_of(lacking, made, {**batch, **LACKING})
    np.testing.assert_allclose(metrics["loss/image"], np.mean(images * THERE["image"]), rtol=1e-5)
    np.testing.assert_allclose(metrics["loss/text"], np.mean(texts * THERE["text"]), rtol=1e-5)


def official_inputs(objective):
    """Return parameters, images, texts with their segments, and masks, all by formulas."""
    shapes = jax.eval_shape(objective.init_networks, jax.random.key(0))[0]

    def leaf(path, like):
        start = zlib.crc32(jax.tree_util.keystr(path).encode()) % 100
        return np.float32(0.3 * np.sin(start + 0.7 * np.arange(like.size))).reshape(like.shape)

    params = jax.tree_util.tree_map_with_path(leaf, shapes)
    images = np.float32(np.sin(np.arange(BATCH * 64) ** 1.1)).reshape(BATCH, 8, 8, 1)
    segments = (np.arange(16) < 3 + np.arange(BATCH)[:, None] % 14).astype(np.int32)
    ids = np.int32(np.arange(BATCH * 16).reshape(BATCH, 16) * 37 % 256) * segments

    def mask(order, real):
        restore = np.tile(np.argsort(order), (BATCH, 1))
        return Mask(np.tile(order[:4], (BATCH, 1)), restore, (restore >= 4) & real)

    places = np.arange(16)
    masks = mask((5 * places + 3) % 16, True), mask((3 * places + 1) % 16, segments > 0)
    return params, images, ids, segments, masks


def ours_of(objective, params, images, ids, segments, masks):
    """Return the loss of images and that of texts."""

    @jax.jit
    def losses(params):
        net, _ = objective.nets(params, {"stats": {}})
        words = objective._words(net, Value(ids, segments))
        values, features, vectors, bias = objective._predicted(net, images, words, masks)
        image = masked_mse(values, patchify(images, patch=(2, 2)), where=masks[0].masked)
        text = masked_lm(features, vectors, ids, where=masks[1].masked, bias=bias)
        return image.mean(), text.mean()

    return [float(one) for one in losses(params)]


def test_the_losses_are_those_of_the_official_code():
    """What m3ae/model.py of young-geng/m3ae_public at a5eb14f gives of the same numbers, where all
    examples have one mask."""
    objective = build({"activation": "gelu_tanh"})
    found = ours_of(objective, *official_inputs(objective))
    np.testing.assert_allclose(found, OFFICIAL, rtol=1e-5)


def test_what_is_hidden_and_padding_reach_no_prediction():
    objective, batch = build(), trial("m3ae").batches[0]
    text = batch["text"]
    masks = objective._masks(jax.random.split(jax.random.key(4), BATCH), text.segments > 0)
    x = np.random.default_rng(0).normal(size=(BATCH, 8, 8, 1)).astype(np.float32)

    @jax.jit
    def touched(x, vectors):
        def total(x, vectors):
            net, _ = objective.nets(params(), {"stats": {}})
            words = Value(vectors, text.segments)
            values, features, *_ = objective._predicted(net, x, words, masks)
            real = jnp.asarray(text.segments)[:, :, None]
            return jnp.sum(values**2) + jnp.sum((features * real) ** 3)

        return jax.grad(total, argnums=(0, 1))(x, vectors)

    vectors = np.random.default_rng(1).normal(size=(BATCH, 16, 16)).astype(np.float32)
    of_pixels, of_words = jax.device_get(touched(x, vectors))
    reached = patchify(of_pixels, patch=(2, 2)).any(axis=-1)
    np.testing.assert_array_equal(reached, ~np.asarray(masks[0].masked))
    visible = (text.segments > 0) & ~np.asarray(masks[1].masked)
    np.testing.assert_array_equal(of_words.any(axis=-1), visible)


def test_a_field_that_is_missing_changes_nothing():
    """What stands in its place is neither seen nor learned from."""
    spec = PAIRS.replace(**{presence_of(name): PRESENCE for name in THERE})
    objective, batch = build(spec=spec), trial("m3ae").batches[0]
    text = batch["text"]
    other = {
        "image": np.where(
            THERE["image"][:, None, None, None], batch["image"], 255 - batch["image"]
        ),
        "text": Value(np.where(THERE["text"][:, None], text.data, 7), text.segments),
    }

    @jax.jit
    def gradient(batch):
        def value(params):
            return objective.value(params, {}, batch, key=KEY, step=0)[0]

        return jax.value_and_grad(value)(params())

    loss, found = gradient({**batch, **LACKING})
    for changed in ({**batch, **other, **LACKING},):
        again, wanted = gradient(changed)
        np.testing.assert_allclose(again, loss, rtol=1e-6)
        for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-6)
    all_there = {name: np.ones(BATCH, bool) for name in LACKING}
    whole = value_of(objective, params(), {**batch, **all_there})[0]
    assert whole == pytest.approx(value_of(build(), params(), batch)[0], rel=1e-6)


def test_each_field_is_evaluated_alone():
    one = trial("m3ae")
    batch, objective = one.batches[0], one.objective
    run = jax.jit(objective.outputs)
    both = run(one.state.params, one.state.objective_state, batch)
    assert set(both) == {"image", "tokens/image", "text", "tokens/text"}
    for name in ("image", "text"):
        alone = run(one.state.params, one.state.objective_state, {name: batch[name]})
        assert set(alone) == {name, f"tokens/{name}"} and alone[f"tokens/{name}"].shape[1] == 16
        np.testing.assert_allclose(alone[name], both[name], rtol=1e-5, atol=1e-6)
    text = batch["text"]
    noise = np.where(text.segments > 0, text.data, 99)
    same = run(one.state.params, {}, {"text": Value(noise, text.segments)})
    np.testing.assert_allclose(same["text"], both["text"], rtol=1e-5, atol=1e-6)


def test_every_layer_of_each_field_is_seen():
    one = trial("m3ae")
    for name in ("image", "text"):
        found = jax.eval_shape(
            functools.partial(one.objective.layers, name=name),
            one.state.params,
            one.state.objective_state,
            {name: one.batches[0][name]},
        )
        assert found.shape == (BATCH, 2, 2, 16)


@pytest.mark.parametrize(
    ("encoder", "words", "changes", "said"),
    [
        ({"positions": "rotary"}, {}, {}, "needs encoder.positions='sincos' or 'learned'"),
        ({"grad_cache": 2}, {}, {}, "grad_cache=1"),
        ({}, {"width": 8}, {}, "'word_vectors', 'width': 16, 'deviation': 1.0"),
        ({}, {}, {"decoder_heads": 3}, "decoder_heads=3 must divide"),
        ({}, {}, {"image_mask_ratio": 0.99}, "image_mask_ratio=0.99"),
        ({}, {}, {"text_mask_ratio": 0.99}, "text_mask_ratio=0.99"),
    ],
)
def test_what_does_not_fit_is_named(encoder, words, changes, said):
    with pytest.raises(UserError, match=said):
        build(encoder, words, **changes)
