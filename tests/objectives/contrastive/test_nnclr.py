"""NNCLR: the neighbours, and when the queue moves."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.errors import UserError
from ssljax.objectives.contrastive.nnclr import nearest
from tests.objectives.conftest import BATCH, trial


@pytest.mark.parametrize("block", [0, 1, 2])
def test_the_nearest_row_is_that_of_greatest_cosine(block):
    rows = jnp.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    z = jnp.array([[0.1, 5.0], [-3.0, 1.0], [2.0, -0.1]])
    np.testing.assert_array_equal(nearest(z, rows, block=block), rows[jnp.array([1, 2, 0])])
    gradient = jax.grad(lambda z: jnp.sum(nearest(z, rows, block=block)))(z)
    np.testing.assert_array_equal(gradient, 0)


def test_unit_vectors_of_the_first_views_enter_the_queue_after_its_loss():
    one = trial("nnclr")
    state, _ = one.step(one.state, one.batches[0])
    before, after = one.state.objective_state["queue"], state.objective_state["queue"]
    assert int(after["cursor"]) == BATCH
    np.testing.assert_array_equal(after["rows"][BATCH:], before["rows"][BATCH:])
    assert np.abs(np.asarray(after["rows"][:BATCH] - before["rows"][:BATCH])).max() > 0.01
    np.testing.assert_allclose(np.linalg.norm(after["rows"], axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("method", ["nnclr", "ressl", "moco_v2"])
def test_a_queue_that_is_no_multiple_of_the_batch_is_refused(method):
    with pytest.raises(UserError, match="queue_size=40 is not a multiple of batch_size=16"):
        dataclasses.replace(trial(method).objective, queue_size=40)
