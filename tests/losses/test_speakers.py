"""GE2E: by hand, what a centroid leaves out, what is learned of scale and bias."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from ssljax import losses

PAIRS = np.array([0, 0, 1, 1])
ge2e = jax.jit(losses.ge2e, static_argnames="variant")


def test_equal_embeddings_cost_the_logarithm_of_the_speakers():
    labels = np.repeat(np.arange(5), 3)
    np.testing.assert_allclose(ge2e(np.ones((15, 4), np.float32), labels), math.log(5), rtol=1e-6)
    # However unequal the numbers of their utterances are.
    labels = np.array([0, 0, 0, 0, 0, 1, 1, 2, 2])
    np.testing.assert_allclose(ge2e(np.ones((9, 4), np.float32), labels), math.log(3), rtol=1e-6)


def test_by_hand():
    """Two speakers at right angles: cosines 1 and 0 with w = 2, b = 1."""
    e = jnp.array([[1.0, 0.0], [3.0, 0.0], [0.0, 1.0], [0.0, 0.5]])
    softmax = ge2e(e, PAIRS, scale=2.0, bias=1.0)
    np.testing.assert_allclose(softmax, math.log(1 + math.exp(-2)), rtol=1e-5)
    contrast = ge2e(e, PAIRS, scale=2.0, bias=1.0, variant="contrast")
    sigmoid = [1 / (1 + math.exp(-x)) for x in (3, 1)]
    np.testing.assert_allclose(contrast, 1 - sigmoid[0] + sigmoid[1], rtol=1e-5)


def test_the_centroid_of_its_speaker_excludes_an_utterance():
    """Two utterances at right angles: with itself the cosine would be .71, without it is 0."""
    e = jnp.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    loss = ge2e(e, PAIRS, scale=1.0, bias=0.0)
    np.testing.assert_allclose(loss[:2], math.log(2), rtol=1e-5)
    # To others' centroids the two belong together.
    np.testing.assert_allclose(loss[2:], math.log(1 + math.exp(-1)), rtol=1e-5)


def test_a_speaker_alone_and_one_that_is_not_known_have_no_loss():
    labels = np.array([0, 0, 1, -1, 2, 2])
    e = jax.random.normal(jax.random.key(0), (6, 4))
    for variant in ("softmax", "contrast"):
        loss = ge2e(e, labels, variant=variant)
        assert (np.asarray(loss) > 0).tolist() == [True, True, False, False, True, True]
        # The single utterance is one of the others' candidates, the unknown one is not.
        reach = jax.jit(jax.grad(lambda e, v=variant: jnp.sum(ge2e(e, labels, variant=v))))(e)
        assert not np.any(reach[3])
    reach = jax.jit(jax.grad(lambda e: jnp.sum(ge2e(e, labels))))(e)
    assert np.any(reach[2])


def test_neither_length_nor_rotation_nor_the_names_of_speakers_matter():
    e = jax.random.normal(jax.random.key(0), (4, 3))
    turn = jnp.linalg.qr(jax.random.normal(jax.random.key(1), (3, 3)))[0]
    expected = ge2e(e, PAIRS)
    lengths = jnp.array([[1.0], [5.0], [0.1], [2.0]])
    np.testing.assert_allclose(ge2e(lengths * e @ turn, 7 - PAIRS), expected, rtol=1e-4)


def test_scale_and_bias_can_be_learned_and_the_softmax_ignores_the_bias():
    e = jax.random.normal(jax.random.key(0), (4, 3))
    with jax.enable_x64(True):
        wide = np.asarray(e, np.float64)
        for variant in ("softmax", "contrast"):

            def loss(w, b, variant=variant):
                return jnp.sum(ge2e(wide, PAIRS, scale=w, bias=b, variant=variant))

            check_grads(loss, (3.0, -1.0), order=1, modes=["rev"], rtol=1e-5)
    slope = jax.jit(jax.grad(lambda b: jnp.sum(ge2e(e, PAIRS, bias=b))))(-5.0)
    np.testing.assert_allclose(slope, 0, atol=1e-6)


def test_messages_name_the_argument():
    e = jnp.ones((4, 3))
    with pytest.raises(ValueError, match="scale must be positive, got -10.0"):
        losses.ge2e(e, PAIRS, scale=-10.0)
    with pytest.raises(ValueError, match="variant must be 'softmax' or 'contrast', got 'soft'"):
        losses.ge2e(e, PAIRS, variant="soft")
    with pytest.raises(TypeError, match="labels must be of an integer dtype"):
        losses.ge2e(e, e[:, 0])
