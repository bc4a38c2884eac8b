"""Clustering against lightly and the published algorithm: equal values and gradients."""

import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.losses import swapped_prediction
from ssljax.ops import sinkhorn
from tests.peers.test_losses import assert_equal, draw

torch = pytest.importorskip("torch")
swav_loss = pytest.importorskip("lightly.loss.swav_loss")


def cosines(*shapes):
    return [np.tanh(z).astype(np.float32) for z in draw(*shapes)]


@pytest.mark.parametrize("iterations", [1, 3, 10])
@pytest.mark.parametrize("epsilon", [0.05, 0.5])
def test_sinkhorn_is_lightlys(epsilon, iterations):
    (scores,) = cosines((64, 16))
    peer = swav_loss.sinkhorn(torch.tensor(scores), iterations=iterations, epsilon=epsilon)
    ours = sinkhorn(scores, epsilon=epsilon, iterations=iterations)
    np.testing.assert_allclose(ours, peer.numpy(), rtol=2e-4, atol=1e-7)


def test_sinkhorn_is_finite_where_lightlys_is_not():
    """Unbounded scores overflow the exponential that lightly and the official code start with."""
    (scores,) = cosines((64, 16))
    peer = swav_loss.sinkhorn(torch.tensor(10 * scores), iterations=3, epsilon=0.05)
    assert not peer.isfinite().all()
    assert np.isfinite(sinkhorn(10 * scores, epsilon=0.05, iterations=3)).all()


@pytest.mark.parametrize("queued", [0, 32])
def test_swapped_prediction_is_lightlys(queued):
    """Two large views and two small ones, with and without a queue."""
    views = cosines(*[(16, 8)] * 4)
    queue = cosines(*[(queued, 8)] * 2) if queued else None

    def ours(*views):
        losses = []
        for i in range(2):
            scores = jnp.concatenate([views[i], queue[i]]) if queued else views[i]
            q = sinkhorn(scores, epsilon=0.05, iterations=3)[:16]
            losses += [
                jnp.mean(swapped_prediction(views[v], q, temperature=0.1))
                for v in range(4)
                if v != i
            ]
        return jnp.mean(jnp.stack(losses))

    def theirs(*views):
        rows = [torch.tensor(q) for q in queue] if queued else None
        return swav_loss.SwaVLoss()(list(views[:2]), list(views[2:]), rows)

    assert_equal(ours, theirs, views)
