"""The papers' own protocols: features, images, and what they share with no other."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.evaluation.protocols import build_protocol
from ssljax.evaluation.protocols.dino import last_token_and_mean, last_tokens, pick_of
from ssljax.evaluation.protocols.papers import NO_CLASS_TOKEN, images_of
from tests.evaluation.protocols.subjects import subject_of


@pytest.fixture(scope="module")
def few(digits):
    return digits[0][:300], digits[1][:300], digits[2][:150], digits[3][:150]


def tokens(images, output):
    """Five layers whose class tokens are the pixels, ever dimmer, and whose mean tokens are noise;
    the evaluated features are useless."""
    rows = images.reshape(len(images), -1)
    scale = jnp.arange(1, 6)[:, None] / 5
    on_class = rows[:, None] * scale
    layers = jnp.stack([on_class, 0 * on_class], axis=2)
    return {"layers": layers, "cls": layers[:, -1, 0], "": rows[:, :1] * 0}[output]


OUTPUTS = {"": (1,), "layers": (5, 2, 64), "cls": (64,)}
SETTINGS = {
    "dino": {"epochs": 12, "batch_size": 50, "learning_rates": (1.0, 3.0)},
    "moco_v3": {"epochs": 12, "batch_size": 50, "learning_rates": (1.0, 3.0)},
    "mae": {"epochs": 24, "batch_size": 20, "learning_rates": (64.0,), "warmup_epochs": 2},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_features_are_the_class_tokens(few, name):
    protocol = build_protocol(name, SETTINGS[name])
    if name == "dino":
        protocol = dataclasses.replace(protocol, neighbours=(10, 20, 1000))
    found = protocol.measure(subject_of(few, encode=tokens, outputs=OUTPUTS))
    assert found["numbers"][protocol.main]["value"] > 0.45
    assert NO_CLASS_TOKEN not in found["notes"]
    if name == "dino":
        assert list(found["numbers"]) == [protocol.main, "accuracy, 10-NN", "accuracy, 20-NN"]
        assert found["numbers"]["accuracy, 10-NN"]["value"] > 0.85
    assert name != "mae" or any("it took 360 steps" in note for note in found["notes"])
    # Without a class token, what is evaluated is probed: here nothing.
    blind = protocol.measure(subject_of(few, encode=tokens, outputs={"": (1,)}))
    assert blind["numbers"][protocol.main]["value"] < 0.3 and NO_CLASS_TOKEN in blind["notes"]


def test_dino_takes_four_class_tokens_of_a_small_encoder_and_two_vectors_of_a_large_one():
    layers = jnp.arange(2 * 5 * 2 * 3.0).reshape(2, 5, 2, 3)
    assert pick_of(384) is last_tokens and pick_of(768) is last_token_and_mean
    expected = [layers[:, i, 0] for i in (1, 2, 3, 4)]
    np.testing.assert_array_equal(last_tokens(layers), np.concatenate(expected, axis=1))
    both = last_token_and_mean(layers)
    np.testing.assert_array_equal(both[0], [24, 27, 25, 28, 26, 29])


def test_images_are_224_of_256_pixels_or_in_proportion(few):
    subject = subject_of(few)
    images = images_of(subject, 224, "bicubic")
    assert images.tested == {"shorter": 256, "size": 224}
    assert images.trained == {"shorter": 256, "size": 256}
    assert (images.crop.size, images.crop.interpolation) == (224, "bicubic")
    assert images_of(subject, 0, "bilinear").tested == {"shorter": 9, "size": 8}


@pytest.mark.parametrize(("batch", "most", "shards"), [(1024, 500, 8), (16384, 500, 1), (7, 3, 1)])
def test_large_batches_are_encoded_in_pieces(few, batch, most, shards):
    subject = subject_of(few)
    object.__setattr__(subject, "shards", shards)
    object.__setattr__(subject.examples, "batch_size", most)
    piece, pieces = subject._pieces(batch)
    assert piece <= most and piece % shards == 0 and 0 <= piece * pieces - batch < pieces * shards


def test_pieces_make_the_batches_of_one(few):
    subject = subject_of(few)
    object.__setattr__(subject.examples, "batch_size", 40)
    order = np.random.default_rng(0).permutation(300)
    told = {"order": order, "batch_size": 80, "transform": _Same()}
    found = list(subject.rows("train", **told))
    assert [rows.shape[0] for rows, _, _ in found] == [80, 80, 80, 80]
    ids = np.concatenate([ids[valid] for _, ids, valid in found])
    np.testing.assert_array_equal(ids, order)
    rows = np.concatenate([np.asarray(rows)[valid] for rows, _, valid in found])
    np.testing.assert_allclose(rows, subject.features("train").features[order], atol=1e-6)


class _Same:
    def __call__(self, key, fields):
        assert jax.dtypes.issubdtype(key.dtype, jax.dtypes.prng_key)
        return {}
