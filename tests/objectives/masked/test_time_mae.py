"""TimeMAE: its targets, and where no gradient goes."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.errors import UserError
from ssljax.objectives import build_objective
from tests.objectives.conftest import BATCH, trial


def test_codewords_are_drawn_with_the_probability_of_their_score():
    one = trial("time_mae")

    @jax.jit
    def drawn(params):
        net, _ = one.objective.nets(params, one.state.objective_state, train=False)
        x = jnp.zeros((2000, 16, 2))  # equal patches: one distribution for all
        labels = one.objective.draw(net, x, jax.random.split(jax.random.key(0), 2000))
        embedded = params["encoder"]["patch_embed"]["linear"]["bias"]
        return labels, jax.nn.softmax(net.codes(embedded[None])[0])

    labels, shares = drawn(one.state.params)
    assert labels.shape == (2000, 4)
    found = np.bincount(np.ravel(labels), minlength=8) / labels.size
    np.testing.assert_allclose(found, shares, atol=0.02)


def test_the_loss_is_that_of_codewords_where_nothing_is_to_be_aligned():
    one = trial("time_mae")
    objective = dataclasses.replace(one.objective, alignment_weight=0.0)
    params = {**one.state.params, "codes": jax.tree.map(np.zeros_like, one.state.params["codes"])}
    value, _ = jax.jit(objective.value)(
        params, one.state.objective_state, one.batches[0], key=jax.random.key(0), step=0
    )
    np.testing.assert_allclose(value, math.log(8), rtol=1e-5)


def test_the_momentum_encoder_follows():
    one = trial("time_mae")
    state, _ = one.step(one.state, one.batches[0])
    jax.tree.map(
        lambda new, old, moved: np.testing.assert_allclose(
            moved, 0.99 * old + 0.01 * new, rtol=1e-4, atol=1e-6
        ),
        state.params["encoder"],
        one.state.params["encoder"],
        state.objective_state["teacher"]["encoder"],
    )


def test_an_encoder_without_patches_is_refused():
    run = dataclasses.replace(
        trial("time_mae").objective.run, encoder=trial("ts2vec").objective.run.encoder
    )
    with pytest.raises(UserError, match="time_mae masks patches"):
        build_objective({"name": "time_mae"}, run)
    with pytest.raises(UserError, match="at least 2 codewords"):
        build_objective({"name": "time_mae", "codewords": 1}, trial("time_mae").objective.run)
    assert trial("time_mae").batches[0]["series"].shape[0] == BATCH
