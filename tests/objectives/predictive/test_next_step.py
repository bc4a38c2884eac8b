"""Next-step prediction: no forecast sees what it forecasts."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.errors import UserError
from ssljax.models import build_encoder
from ssljax.objectives import build_objective
from tests.objectives.conftest import trial


def test_a_forecast_depends_on_no_later_time():
    one = trial("next_step")
    net, _ = one.objective.nets(one.state.params, one.state.objective_state, train=False)

    def forecast(x):
        return net.head(net.encoder(x).tokens)

    x = jax.random.normal(jax.random.key(0), (1, 16, 2))
    reach = jax.jit(jax.jacobian(lambda x: jnp.sum(forecast(x), axis=2)[0]))(x)[:, 0]
    seen = np.abs(reach).max(axis=2) > 0  # [patch, time]
    np.testing.assert_array_equal(seen, np.arange(16) < 4 * np.arange(1, 5)[:, None])


def test_what_does_not_fit_is_refused():
    run = trial("next_step").objective.run
    fields = {"name": "series_transformer", "patch_size": 4, "length": 16}
    both_ways = build_encoder(fields, run.field)
    with pytest.raises(UserError, match="needs an encoder that sees no later times"):
        build_objective({"name": "next_step"}, dataclasses.replace(run, encoder=both_ways))
    whole = build_encoder({**fields, "patch_size": 16, "causal": True}, run.field)
    with pytest.raises(UserError, match="leaves one patch in views of 16 times"):
        build_objective({"name": "next_step"}, dataclasses.replace(run, encoder=whole))
