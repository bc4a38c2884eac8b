import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from ssljax import ops

sinkhorn = jax.jit(ops.sinkhorn, static_argnames="iterations")


def loop(scores, *, epsilon, iterations):
    """The paper's algorithm, in float64."""
    q = np.exp(np.asarray(scores, np.float64) / epsilon)
    batch, prototypes = q.shape
    q /= q.sum()
    for _ in range(iterations):
        for k in range(prototypes):
            q[:, k] /= q[:, k].sum() * prototypes
        for b in range(batch):
            q[b] /= q[b].sum() * batch
    return q * batch


def draw(rows=12, columns=5, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (rows, columns)).astype(np.float32)


@pytest.mark.parametrize("iterations", [1, 3, 10])
@pytest.mark.parametrize("epsilon", [0.05, 0.5])
def test_equals_the_loop(epsilon, iterations):
    with jax.enable_x64(True):
        scores = draw().astype(np.float64)
        q = sinkhorn(scores, epsilon=epsilon, iterations=iterations)
        assert q.dtype == jnp.float64
        expected = loop(scores, epsilon=epsilon, iterations=iterations)
        np.testing.assert_allclose(q, expected, rtol=1e-10)


def test_by_hand():
    # exp(scores / 1) = [[2, 1], [2, 3]]: columns to [[1/2, 1/4], [1/2, 3/4]], then rows to one.
    scores = jnp.log(jnp.array([[2.0, 1.0], [2.0, 3.0]]))
    q = sinkhorn(scores, epsilon=1.0, iterations=1)
    np.testing.assert_allclose(q, [[2 / 3, 1 / 3], [2 / 5, 3 / 5]], rtol=1e-6)


def test_rows_sum_to_one_and_columns_to_their_share():
    q = sinkhorn(draw(256, 16), epsilon=0.05, iterations=3)
    np.testing.assert_allclose(q.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(q.sum(axis=0), 16, rtol=0.2)
    q = sinkhorn(draw(256, 16), epsilon=0.05, iterations=200)
    np.testing.assert_allclose(q.sum(axis=0), 16, rtol=1e-3)


def test_equal_scores_are_shared_equally():
    q = sinkhorn(jnp.full((6, 4), 7.0), epsilon=0.05, iterations=3)
    np.testing.assert_allclose(q, 1 / 4, rtol=1e-6)


def test_what_all_prefer_is_divided():
    """A softmax would send all rows to column 0."""
    scores = jnp.tile(jnp.array([0.9, 0.1]), (8, 1))
    q = sinkhorn(scores, epsilon=0.05, iterations=3)
    np.testing.assert_allclose(q, 1 / 2, rtol=1e-5)


@pytest.mark.parametrize("size", [1.0, 1e3, 1e30, 3e38])
@pytest.mark.parametrize("kind", ["random", "one column", "equal", "negative"])
def test_no_score_overflows(size, kind):
    scores = {
        "random": draw(),
        "one column": np.where(np.arange(5) == 1, 1, -1) * np.ones((12, 1)),
        "equal": np.ones((12, 5)),
        "negative": draw() / 2 - 0.5,
    }[kind].astype(np.float32) * np.float32(size)
    q = sinkhorn(scores, epsilon=0.05, iterations=3)
    assert np.isfinite(q).all()
    np.testing.assert_allclose(q.sum(axis=1), 1, rtol=1e-5)


def test_low_precision_scores_are_worked_out_in_float32():
    scores = jnp.asarray(draw(), jnp.bfloat16)
    q = sinkhorn(scores, epsilon=0.05, iterations=3)
    assert q.dtype == jnp.float32
    np.testing.assert_allclose(
        q, loop(np.asarray(scores, np.float64), epsilon=0.05, iterations=3), rtol=1e-4, atol=1e-7
    )


def test_rows_left_out_leave_the_others_alone():
    scores, where = draw(), np.arange(12) % 3 > 0
    q = sinkhorn(scores, epsilon=0.1, iterations=3, where=where)
    alone = sinkhorn(scores[where], epsilon=0.1, iterations=3)
    np.testing.assert_allclose(q[where], alone, rtol=1e-5)
    assert not q[~where].any()
    scores[0] = np.nan  # not even a NaN of theirs
    np.testing.assert_array_equal(sinkhorn(scores, epsilon=0.1, iterations=3, where=where), q)


def test_no_gradient():
    gradient = jax.grad(lambda s: sinkhorn(s, epsilon=0.1, iterations=3)[0, 0])(draw())
    assert not gradient.any()


def test_eight_devices_give_what_one_gives():
    scores, where = draw(16), np.arange(16) > 4
    mesh = Mesh(jax.devices(), ("data",))
    place = NamedSharding(mesh, PartitionSpec("data"))
    one = sinkhorn(scores, epsilon=0.05, iterations=3, where=where)
    eight = sinkhorn(
        jax.device_put(scores, place),
        epsilon=0.05,
        iterations=3,
        where=jax.device_put(where, place),
    )
    assert len(eight.sharding.device_set) == 8
    np.testing.assert_allclose(eight, one, rtol=1e-5, atol=1e-7)


def test_follows_a_permutation():
    scores, order = draw(), np.random.default_rng(1).permutation(12)
    q = sinkhorn(scores, epsilon=0.05, iterations=3)
    other = sinkhorn(scores[order], epsilon=0.05, iterations=3)
    np.testing.assert_allclose(other, q[order], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"scores": jnp.ones(3)}, r"scores must have shape \[B, K\], not empty; got \[3\]"),
        ({"scores": jnp.ones((0, 3))}, r"scores must have shape \[B, K\], not empty"),
        ({"scores": jnp.ones((2, 3), jnp.int32)}, "scores must be of a float dtype, got int32"),
        ({"epsilon": 0.0}, r"epsilon must be positive, got 0.0"),
        ({"epsilon": float("nan")}, r"epsilon must be positive, got nan"),
        ({"iterations": 0}, "iterations must be at least 1, got 0"),
        ({"where": jnp.ones(3, bool)}, r"where must have shape \[B\] with B = 2, got \[3\]"),
        ({"where": jnp.ones(2)}, "where must be of the bool dtype, got float32"),
    ],
)
def test_bad_input_is_refused(change, message):
    good = {"scores": jnp.ones((2, 3)), "epsilon": 0.05, "iterations": 3}
    with pytest.raises((ValueError, TypeError), match=message):
        ops.sinkhorn(**{**good, **change})
