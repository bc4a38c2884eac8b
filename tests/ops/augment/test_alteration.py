"""TERA's alterations: how much is masked, by what, and what stays as it was."""

import jax
import numpy as np
import pytest

from ssljax.ops.augment import Alteration

KEYS = jax.random.split(jax.random.key(0), 2000)
X = np.broadcast_to(1 + np.arange(40 * 20).reshape(40, 20), (2000, 40, 20)).astype(np.float32)


@pytest.fixture(scope="module")
def times_only():
    return [np.asarray(one) for one in jax.jit(Alteration(0.3, 4, 0.0, 0.0))(KEYS, X)]


def test_spans_of_times_are_zeroed_replaced_or_left(times_only):
    altered, where = times_only
    assert (where == where[:, :, :1]).all()  # whole frames
    hidden = where[:, :, 0]
    assert hidden.sum(axis=1).max() == 3 * 4 and hidden.sum(axis=1).min() >= 4 + 2
    same, zero = (altered == X).all(axis=(1, 2)), (altered[where].reshape(-1) == 0).mean()
    np.testing.assert_allclose(same.mean(), 0.1, atol=0.02)
    np.testing.assert_allclose(zero, 0.8, atol=0.03)
    np.testing.assert_array_equal(altered[~where], X[~where])
    # Replaced ones are whole frames of the same sound.
    moved = ~same & (altered != 0).all(axis=(1, 2))
    np.testing.assert_allclose(moved.mean(), 0.1, atol=0.02)
    frames = (altered[moved][:, :, 0] - 1) / 20
    np.testing.assert_array_equal(frames, np.rint(frames))
    np.testing.assert_array_equal(np.diff(altered[moved], axis=2), 1)


def test_every_frame_is_hidden_equally_often_but_for_the_edges(times_only):
    share = times_only[1][:, :, 0].mean(axis=0)
    assert share[[0, -1]].min() > 0.04  # the last one too
    np.testing.assert_allclose(share[4:-4], share[4:-4].mean(), rtol=0.15)


def test_a_block_of_bands_is_zeroed():
    altered, where = jax.jit(Alteration(0.0, 4, 0.25, 0.0))(KEYS, X)
    assert (where == where[:, :1]).all()
    bands = np.asarray(where[:, 0])
    widths = bands.sum(axis=1)
    np.testing.assert_allclose(np.bincount(widths) / len(KEYS), 1 / 6, atol=0.03)  # 0 to 5 of 20
    assert (np.abs(np.diff(np.pad(bands, ((0, 0), (1, 1))).astype(int))).sum(axis=1) <= 2).all()
    np.testing.assert_array_equal(np.asarray(altered), np.where(where, 0, X))


def test_noise_is_added_to_a_share_of_the_sounds_and_is_no_target():
    altered, where = jax.jit(Alteration(0.0, 4, 0.0, 0.25))(KEYS, X)
    assert not where.any()
    noise = np.asarray(altered) - X
    hit = noise.any(axis=(1, 2))
    np.testing.assert_allclose(hit.mean(), 0.25, atol=0.03)
    np.testing.assert_allclose(noise[hit].std(), 0.2, rtol=0.01)


def test_what_happens_to_a_sound_depends_on_its_key_alone(times_only):
    own = jax.jit(Alteration(0.3, 4, 0.0, 0.0))(KEYS[5:7], X[5:7])
    np.testing.assert_array_equal(own[0], times_only[0][5:7])


def test_a_span_longer_than_the_sounds_is_refused():
    with pytest.raises(ValueError, match="a span of 50 frames is longer than 40 frames"):
        Alteration(0.9, 50, 0.0, 0.0)(KEYS[:1], X[:1])
