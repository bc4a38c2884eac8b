"""Losses of pairs, some of whose rows are none: those count nowhere."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax import losses

WEIGHTS = {"invariance_weight": 25.0, "variance_weight": 25.0, "covariance_weight": 1.0}
LOSSES = {
    "clip": functools.partial(losses.clip, temperature=0.2),
    "clip, in blocks": functools.partial(losses.clip, temperature=0.2, block=2),
    "siglip": functools.partial(losses.siglip, temperature=0.2, bias=-3.0),
    "siglip, in blocks": functools.partial(losses.siglip, temperature=0.2, bias=-3.0, block=2),
    "vicreg": functools.partial(losses.vicreg, **WEIGHTS),
    "barlow_twins": functools.partial(losses.barlow_twins, off_diagonal_weight=0.005),
}
PRESENT = np.array([False, True, True, False, True, True, True, False])


def total(loss, one, two, present=None):
    """The sum of the loss and its gradient."""

    def summed(both):
        return jnp.sum(loss(*both) if present is None else loss(*both, present=present))

    value, gradient = jax.jit(jax.value_and_grad(summed))((one, two))
    return value, np.stack(gradient)


@pytest.mark.parametrize("name", LOSSES)
def test_rows_that_are_no_pairs_are_as_if_they_were_not_there(name):
    one, two = (x + 3.0 for x in jax.random.normal(jax.random.key(1), (2, 8, 5)))
    value, gradient = total(LOSSES[name], one, two, PRESENT)
    expected, wanted = total(LOSSES[name], one[PRESENT], two[PRESENT])
    np.testing.assert_allclose(value, expected, rtol=2e-6)
    np.testing.assert_allclose(gradient[:, PRESENT], wanted, rtol=1e-4, atol=2e-6)
    assert (gradient[:, ~PRESENT] == 0).all()
    every = total(LOSSES[name], one, two, np.ones(8, bool))
    np.testing.assert_allclose(every[0], total(LOSSES[name], one, two)[0], rtol=2e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_a_batch_without_any_pair_has_no_loss_and_no_gradient(name):
    one, two = jax.random.normal(jax.random.key(1), (2, 8, 5))
    for found in total(LOSSES[name], one, two, np.zeros(8, bool)):
        assert (np.asarray(found) == 0).all()


def test_the_losses_by_row_are_0_where_there_is_no_pair():
    one, two = jax.random.normal(jax.random.key(1), (2, 8, 5))
    for name in ("clip", "siglip, in blocks"):
        found = LOSSES[name](one, two, present=PRESENT)
        np.testing.assert_array_equal(found != 0, PRESENT)


def test_a_mask_of_another_length_is_refused():
    for loss in LOSSES.values():
        with pytest.raises(ValueError, match=r"present must have shape \[B\] with B = 8"):
            loss(jnp.ones((8, 5)), jnp.ones((8, 5)), present=jnp.ones(7, bool))
