"""DCL: sigma switches the weights of DCLW on."""

import dataclasses

import jax
import pytest

from ssljax.errors import UserError
from ssljax.objectives import build_objective
from tests.objectives.cases import CASES
from tests.objectives.conftest import trial


def _loss(one, objective):
    loss, state = jax.jit(objective.value), one.state
    value, _ = loss(
        state.params, state.objective_state, one.batches[0], key=jax.random.key(0), step=0
    )
    return float(value)


def test_weights_of_mean_one_change_the_loss_and_flat_ones_do_not():
    one = trial("dcl")
    plain = _loss(one, one.objective)
    assert _loss(one, dataclasses.replace(one.objective, sigma=0.5)) != pytest.approx(plain, 1e-4)
    assert _loss(one, dataclasses.replace(one.objective, sigma=1e4)) == pytest.approx(plain, 1e-4)


def test_a_negative_sigma_is_refused():
    with pytest.raises(UserError, match="objective.sigma=-0.5"):
        build_objective({**CASES["dcl"][1], "sigma": -0.5}, trial("dcl").objective.run)
