"""Losses of series against values worked out by hand."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax import losses

hierarchical_contrastive = jax.jit(
    losses.hierarchical_contrastive, static_argnames=("instance_weight", "temporal_from")
)


@pytest.mark.parametrize("batch, times", [(2, 4), (3, 7), (5, 1), (1, 8)])
def test_contrast_of_equal_vectors(batch, times):
    z = jnp.full((batch, times, 4), 0.3)
    sizes = [times]
    while sizes[-1] > 1:
        sizes.append(sizes[-1] // 2)
    expected = np.mean([(math.log(2 * batch - 1) + math.log(2 * size - 1)) / 2 for size in sizes])
    np.testing.assert_allclose(hierarchical_contrastive(z, z), expected, rtol=1e-5)


def test_contrast_by_hand():
    # Two examples, one time: products of pairs are 3 and 2, all others 0; no temporal part.
    z1, z2 = jnp.array([[[1.0, 0.0]], [[0.0, 1.0]]]), jnp.array([[[3.0, 0.0]], [[0.0, 2.0]]])
    expected = [math.log(1 + 2 * math.exp(-3)) / 2, math.log(1 + 2 * math.exp(-2)) / 2]
    np.testing.assert_allclose(hierarchical_contrastive(z1, z2), expected, rtol=1e-5)
    # One example, two times: the first level is the temporal part alone, the second is 0.
    z1, z2 = (jnp.swapaxes(z, 0, 1) for z in (z1, z2))
    np.testing.assert_allclose(hierarchical_contrastive(z1, z2), [sum(expected) / 4], rtol=1e-5)


def test_levels_are_those_of_the_length_in_both_views():
    """A program for overlaps of any length gives what one for each length gives."""
    z1, z2 = jax.random.normal(jax.random.key(0), (2, 3, 8, 4))
    for length in range(1, 9):
        where = jnp.broadcast_to(jnp.arange(8) < length, (3, 8))
        cut = hierarchical_contrastive(z1[:, :length], z2[:, :length])
        whole = hierarchical_contrastive(z1, z2, where=where)
        np.testing.assert_allclose(whole, cut, rtol=1e-5)


def test_times_beyond_the_overlap_do_not_count_even_as_nan():
    z1, z2 = np.random.default_rng(0).normal(size=(2, 3, 6, 4)).astype(np.float32)
    where = np.arange(6) < np.array([[2], [6], [0]])

    def loss(z1, z2):
        return jnp.sum(losses.hierarchical_contrastive(z1, z2, where=where))

    both = jax.jit(jax.value_and_grad(loss, argnums=(0, 1)))
    clean = both(z1, z2)
    z1[~where], z2[~where] = np.nan, np.nan
    jax.tree.map(np.testing.assert_array_equal, clean, both(z1, z2))
    assert np.isfinite(clean[0]) and not clean[1][0][2].any()


def test_the_temporal_part_begins_at_its_level():
    z1, z2 = jax.random.normal(jax.random.key(0), (2, 3, 8, 4))
    instance = hierarchical_contrastive(z1, z2, instance_weight=1.0)
    none = hierarchical_contrastive(z1, z2, temporal_from=4)
    np.testing.assert_allclose(none, instance / 2, rtol=1e-5)
    assert np.all(hierarchical_contrastive(z1, z2, temporal_from=3) == none)  # one time: log 1
    assert np.all(hierarchical_contrastive(z1, z2, temporal_from=2) > none)


def test_contrast_does_not_mind_which_view_is_first():
    z1, z2 = jax.random.normal(jax.random.key(0), (2, 3, 8, 4))
    np.testing.assert_allclose(
        hierarchical_contrastive(z1, z2), hierarchical_contrastive(z2, z1), rtol=1e-5
    )


def test_next_step_of_a_straight_line():
    series = jnp.arange(5.0)[None, :, None] * jnp.array([1.0, 3.0])
    step = jax.jit(losses.next_step)
    np.testing.assert_allclose(step(series + jnp.array([1.0, 3.0]), series), [0.0], atol=1e-6)
    np.testing.assert_allclose(step(series, series), [5.0])  # (1 + 9) / 2
    counts = jnp.array([[True, True, False, False, True]])
    np.testing.assert_allclose(step(series.at[0, 0].add(1.0), series, where=counts), [3.5])


def test_the_last_forecast_and_the_first_value_do_not_count():
    gradient = jax.jit(jax.grad(lambda p, x: jnp.sum(losses.next_step(p, x))))
    prediction, series = jax.random.normal(jax.random.key(0), (2, 3, 5, 2))
    got = gradient(prediction, series)
    assert not got[:, -1].any() and got[:, :-1].all()
    np.testing.assert_array_equal(got, gradient(prediction, series.at[:, 0].set(jnp.nan)))


@pytest.mark.parametrize(("steps", "count"), [(12, 128), (1, 10)])
def test_cpc_of_equal_vectors_is_the_logarithm_of_the_candidates(steps, count):
    """log 129 = 4.860 for each of the paper's steps, however many there are."""
    x = jnp.ones((2, 20, 3))
    times = 20 - steps
    loss = losses.cpc(
        jnp.ones((2, steps, times, 3)), x, jnp.ones((2, times, count, 3)), temperature=0.5
    )
    np.testing.assert_allclose(loss, math.log(count + 1), rtol=1e-6)


def test_cpc_by_hand():
    """Two steps from the first of three times: to z_2 and to z_3."""
    z = jnp.array([[[5.0], [1.0], [-2.0]]])
    prediction = jnp.array([[[[1.0]], [[2.0]]]])
    loss = losses.cpc(prediction, z, jnp.array([[[[0.0], [1.0]]]]))
    first = math.log(math.exp(1) + 1 + math.exp(1)) - 1
    second = math.log(math.exp(-4) + 1 + math.exp(2)) + 4
    np.testing.assert_allclose(loss, [(first + second) / 2], rtol=1e-6)


def test_cpc_never_looks_at_the_first_time_nor_at_the_order_of_negatives():
    keys = jax.random.split(jax.random.key(0), 3)
    prediction = jax.random.normal(keys[0], (2, 2, 3, 4))
    z, negatives = jax.random.normal(keys[1], (2, 5, 4)), jax.random.normal(keys[2], (2, 3, 6, 4))
    loss = jax.jit(losses.cpc)
    np.testing.assert_array_equal(
        loss(prediction, z, negatives), loss(prediction, z.at[:, 0].set(9.0), negatives)
    )
    np.testing.assert_allclose(
        loss(prediction, z, negatives), loss(prediction, z, negatives[:, :, ::-1]), rtol=1e-6
    )


def test_codewords_of_equal_scores():
    """Whatever the smoothing: all shares of the target have the same score."""
    x, labels = jnp.zeros((2, 3, 4)), jnp.array([[0, 7, 191]] * 2)
    for smoothing in (0.0, 0.2):
        loss = losses.time_mae(
            x,
            x,
            jnp.ones((2, 3, 192)),
            labels,
            where=jnp.ones((2, 3), bool),
            smoothing=smoothing,
        )
        np.testing.assert_allclose(loss, math.log(192), rtol=1e-6)


def test_time_mae_by_hand():
    x, labels, hidden = jnp.zeros((1, 2, 4)), jnp.array([[1, -1]]), jnp.array([[True, False]])
    logits = jnp.log(jnp.array([[[1.0, 3.0], [1.0, 1.0]]]))
    loss = losses.time_mae(
        x, x + 3, logits, labels, where=hidden, alignment_weight=2.0, smoothing=0.5
    )
    # Shares 1/4 and 3/4 of scores that are 1/4 and 3/4.
    expected = 2 * 9 + math.log(4) / 4 + 3 * math.log(4 / 3) / 4
    np.testing.assert_allclose(loss, [expected], rtol=1e-6)


def test_messages_name_the_argument():
    x, hidden, labels = jnp.ones((2, 4, 8)), jnp.ones((2, 4), bool), jnp.ones((2, 4), int)
    with pytest.raises(ValueError, match="1 - instance_weight must be at least 0, got -0.5"):
        losses.hierarchical_contrastive(x, x, instance_weight=1.5)
    with pytest.raises(ValueError, match="temporal_from must be at least 0, got -1"):
        losses.hierarchical_contrastive(x, x, temporal_from=-1)
    with pytest.raises(ValueError, match=r"where must have shape \[B, T\] with T = 4, as in z1"):
        losses.hierarchical_contrastive(x, x, where=hidden[:, :3])
    with pytest.raises(ValueError, match="2 times and 1 steps needs local of 3 times, got 4"):
        losses.cpc(jnp.ones((2, 1, 2, 8)), x, jnp.ones((2, 2, 5, 8)))
    with pytest.raises(ValueError, match="series must have at least 2 times"):
        losses.next_step(x[:, :1], x[:, :1])
    with pytest.raises(TypeError, match="where must be of the bool dtype"):
        losses.next_step(x, x, where=jnp.ones((2, 4)))
    with pytest.raises(ValueError, match="smoothing must be below 1, got 1.0"):
        losses.time_mae(x, x, x, labels, where=hidden, smoothing=1.0)
    with pytest.raises(ValueError, match="codeword_weight must be at least 0, got -1"):
        losses.time_mae(x, x, x, labels, where=hidden, codeword_weight=-1)
    with pytest.raises(ValueError, match=r"labels must lie in \[0, 8\), got 9"):
        losses.time_mae(x, x, x, labels + 8, where=hidden)


def test_dense_prediction_by_hand():
    """Two videos of two places: products with the own place are 2 and 0, 1 and 0, others 0."""
    e = np.eye(4, dtype=np.float32)
    prediction = jnp.array([[2 * e[0], 0 * e[1]], [e[2], 0 * e[3]]])
    target = jnp.array([[e[0], e[1]], [e[2], e[3]]])
    found = losses.dense_predictive(prediction, target)
    log4 = math.log(4)
    two, one = math.log(math.exp(2) + 3) - 2, math.log(math.e + 3) - 1
    np.testing.assert_allclose(found, [(two + log4) / 2, (one + log4) / 2], rtol=1e-6)


def test_dense_prediction_contrasts_with_other_places_times_and_videos():
    """Each negative counts alike, so that the order of the videos changes nothing."""
    rng = np.random.default_rng(0)
    prediction, target = rng.normal(size=(2, 3, 4, 5)).astype(np.float32)
    before = losses.dense_predictive(prediction, target)
    order = np.array([2, 0, 1])
    after = losses.dense_predictive(prediction[order], target[order])
    np.testing.assert_allclose(after, before[order], rtol=1e-6)
    raised = target.copy()
    raised[1, 2] += 3 * prediction[0, 0]  # a negative of all rows of the first video
    assert losses.dense_predictive(prediction, raised)[0] > before[0]
