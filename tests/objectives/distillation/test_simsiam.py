"""SimSiam: where its gradient goes, and what tells that it has not collapsed."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.objectives.conftest import trial


def test_the_loss_lies_between_minus_1_and_1():
    one = trial("simsiam")
    assert -1 <= float(one.step(one.state, one.batches[0])[1]["loss"]) <= 1


def test_the_output_of_the_projector_has_no_parameters_after_its_last_layer():
    one = trial("simsiam")
    assert set(one.state.params["projector"]) == {"linear_0", "norm_0", "output"}
    assert set(one.state.params["projector"]["output"]) == {"kernel"}
    assert set(one.state.params["predictor"]["output"]) == {"kernel", "bias"}


def test_fresh_projections_are_spread():
    one = trial("simsiam")
    std = float(one.step(one.state, one.batches[0])[1]["std"])
    assert std == pytest.approx(1 / np.sqrt(one.objective.projector_dim), rel=0.25)


def test_the_target_is_constant():
    """Where predictions do not depend on it, the encoder gets no gradient at all."""
    one = trial("simsiam")
    cut = jax.tree.map(jnp.zeros_like, one.state.params["predictor"])
    cut["output"]["bias"] = jnp.ones_like(cut["output"]["bias"])
    params = {**one.state.params, "predictor": cut}

    def loss(params):
        batch = {**one.batches[0], "row": jnp.arange(len(one.batches[0]["id"]))}
        return one.objective.value(
            params, one.state.objective_state, batch, key=jax.random.key(0), step=0
        )[0]

    gradient = jax.jit(jax.grad(loss))(params)
    for leaf in jax.tree.leaves({k: gradient[k] for k in ("encoder", "projector")}):
        assert not np.any(leaf)
    assert np.any(gradient["predictor"]["output"]["bias"])
