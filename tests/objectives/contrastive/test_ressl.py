"""ReSSL: who sees which view, and how the memory moves."""

import dataclasses

import jax
import numpy as np
import pytest

from ssljax import models
from ssljax.errors import UserError
from ssljax.objectives import objective_class
from ssljax.objectives.views import Views
from tests.objectives.conftest import BATCH, trial


def test_teacher_and_queue_follow_the_step():
    one = trial("ressl")
    state, _ = one.step(one.state, one.batches[0])
    before, after = one.state.objective_state["queue"], state.objective_state["queue"]
    assert int(after["cursor"]) == BATCH
    np.testing.assert_array_equal(after["rows"][BATCH:], before["rows"][BATCH:])
    assert np.abs(np.asarray(after["rows"][:BATCH] - before["rows"][:BATCH])).max() > 0.01

    def check(old, student, new):
        wanted = 0.9 * np.asarray(old, np.float64) + 0.1 * np.asarray(student)
        np.testing.assert_allclose(new, wanted, rtol=1e-6, atol=1e-8)

    jax.tree.map(
        check, one.state.objective_state["teacher"], state.params, state.objective_state["teacher"]
    )


def test_no_gradient_reaches_the_teacher_and_its_keys_are_of_the_weak_view():
    one = trial("ressl")

    def run(teacher, objective):
        memory = {**one.state.objective_state, "teacher": teacher}
        batch, key = one.batches[0], jax.random.key(0)
        loss, aux = objective.value(one.state.params, memory, batch, key=key, step=0)
        return loss, aux.carry["queue"]["rows"][:BATCH]

    teacher = one.state.objective_state["teacher"]
    (first_loss, keys), gradient = jax.jit(
        lambda teacher: jax.value_and_grad(run, has_aux=True)(teacher, one.objective)
    )(teacher)
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(gradient))
    groups = one.objective.views.groups
    stronger = Views(
        {
            "strong": {**groups["strong"], "grey_prob": 1.0, "solarize_prob": 1.0},
            "weak": groups["weak"],
        }
    )
    other = dataclasses.replace(one.objective, views=stronger)
    loss, same_keys = jax.jit(lambda teacher: run(teacher, other))(teacher)
    np.testing.assert_allclose(same_keys, keys, rtol=1e-5, atol=1e-6)
    assert float(loss) != pytest.approx(float(first_loss), rel=1e-4)


def test_the_projector_is_the_official_one():
    """network/head.py: two linear layers with biases and a ReLU between them, no BatchNorm."""
    objective = dataclasses.replace(trial("ressl").objective, projector_norm=False)
    projector = objective.networks["projector"]
    assert objective_class("ressl").projector_norm is False
    x = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
    params, stats = models.init(projector, jax.random.key(0), x)
    assert stats == {}
    first, last = params["linear_0"], params["output"]
    hidden = np.maximum(x @ first["kernel"] + first["bias"], 0)
    y, _ = models.apply(projector, params, stats, x, train=True)
    np.testing.assert_allclose(y, hidden @ last["kernel"] + last["bias"], rtol=1e-5, atol=1e-6)


def test_views_have_to_be_called_strong_and_weak():
    pair = Views.crops(count=2)
    with pytest.raises(UserError, match="objective.views has crop; ressl takes 'strong'"):
        dataclasses.replace(trial("ressl").objective, views=pair)
