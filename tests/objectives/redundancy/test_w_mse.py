"""W-MSE: the groups that are whitened."""

import dataclasses

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict

from ssljax.errors import UserError
from ssljax.objectives import build_objective
from tests.objectives.cases import CASES
from tests.objectives.conftest import trial

KEY = jax.random.key(3)


def _value_and_gradient(objective, batch):
    one = trial("w_mse")

    def loss(params):
        return objective.value(params, one.state.objective_state, batch, key=KEY, step=0)[0]

    return jax.jit(jax.value_and_grad(loss))(one.state.params)


def test_a_batch_of_equal_images_gives_a_loss_and_a_gradient():
    one = trial("w_mse")
    batch = {**one.batches[0], "image": np.full_like(one.batches[0]["image"], 90)}
    loss, gradient = _value_and_gradient(one.objective, batch)
    assert np.isfinite(loss)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))


def test_groups_are_drawn_anew_for_every_repeat():
    """One draw of groups gives one loss, four draws another, near to it."""
    one = trial("w_mse")
    once, _ = _value_and_gradient(one.objective, one.batches[0])
    often, _ = _value_and_gradient(dataclasses.replace(one.objective, repeats=4), one.batches[0])
    assert 1e-5 < abs(float(once) - float(often)) < 0.5


@pytest.mark.parametrize(
    "change, message",
    [
        ({"group_size": 7}, "objective.group_size=7 is not a divisor of batch_size=16"),
        ({"group_size": 0}, "objective.group_size=0; it must be at least 1"),
        ({"group_size": 4}, "objective.group_size=4 must be larger than objective.projector_dim=4"),
        ({"repeats": 0}, "objective.repeats=0; it must be at least 1"),
        ({"views": {"crop": {"count": 1}}}, r"objective.views makes 1 view\(s\); w_mse needs 2"),
        ({"views": {"a": {"size": 8}, "b": {"size": 4}}}, r"of the size\(s\) \[4, 8\]"),
    ],
)
def test_bad_values_are_refused(change, message):
    with pytest.raises(UserError, match=message):
        build_objective(ConfigDict({**CASES["w_mse"][1], **change}), trial("w_mse").objective.run)
