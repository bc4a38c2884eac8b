"""CPC: the loss of equal vectors, negatives of one sequence, what is refused."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.errors import UserError
from ssljax.models import build_encoder
from ssljax.objectives import build_objective
from tests.objectives.conftest import trial


def loss_of(one, params, batch, seed=3):
    value, _ = jax.jit(one.objective.value)(
        params, one.state.objective_state, batch, key=jax.random.key(seed), step=jnp.int32(0)
    )
    return float(value)


@pytest.mark.parametrize("case", ["cpc", "cpc, series"])
def test_without_a_prediction_the_loss_is_that_of_chance(case):
    """A predictor of zeros: log(negatives + 1), whatever the data."""
    one = trial(case)
    params = {
        **one.state.params,
        "predictor": jax.tree.map(np.zeros_like, one.state.params["predictor"]),
    }
    expected = math.log(one.objective.negatives + 1)
    np.testing.assert_allclose(loss_of(one, params, one.batches[0]), expected, rtol=1e-6)


def test_silence_has_a_finite_loss_and_gradient():
    one = trial("cpc")
    batch = {**one.batches[0], "audio": np.zeros_like(one.batches[0]["audio"])}
    state, metrics = one.step(one.state, batch)
    assert np.isfinite(metrics["loss"])
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state.params))


def test_negatives_of_its_own_sequence_leave_others_out():
    """The gradient of a batch is the mean of those of its examples; with the batch's it is not."""
    one = trial("cpc, series")
    batch = one.batches[0]
    objectives = {
        name: dataclasses.replace(one.objective, negatives_from=name)
        for name in ("sequence", "batch")
    }
    assert not objectives["sequence"].batch_coupled and objectives["batch"].batch_coupled
    for name, objective in objectives.items():
        changed = dataclasses.replace(one, objective=objective)
        whole = loss_of(changed, one.state.params, batch)
        halves = [
            loss_of(changed, one.state.params, {k: v[rows] for k, v in batch.items()})
            for rows in (slice(0, 8), slice(8, 16))
        ]
        assert math.isclose(whole, np.mean(halves), rel_tol=1e-5) == (name == "sequence")


def test_what_does_not_fit_is_refused():
    run = trial("cpc").objective.run
    with pytest.raises(UserError, match="steps=8 must be below the 8 vectors that config.encoder"):
        build_objective({"name": "cpc", "steps": 8}, run)
    other = build_encoder({"name": "audio_convolutions", "blocks": 2}, run.field)
    with pytest.raises(UserError, match="cpc needs an encoder of contexts"):
        build_objective({"name": "cpc"}, dataclasses.replace(run, encoder=other))
