"""TiCo: when the covariance and the teacher move."""

import dataclasses

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict

from ssljax.errors import UserError
from ssljax.objectives import build_objective
from tests.objectives.cases import CASES
from tests.objectives.conftest import trial


def test_the_covariance_remembers_earlier_batches():
    one, state = trial("tico"), trial("tico").state
    assert not np.any(state.objective_state["covariance"])
    step, keep, trace = one.step, one.objective.covariance_momentum, 0.0
    for batch in one.batches:
        state, _ = step(state, batch)
        covariance = np.asarray(state.objective_state["covariance"])
        trace = keep * trace + (1 - keep)  # a mean of u u', of unit vectors, has the trace 1
        np.testing.assert_allclose(np.trace(covariance), trace, rtol=1e-5)
        np.testing.assert_allclose(covariance, covariance.T, atol=1e-7)
        assert np.linalg.eigvalsh(covariance).min() > -1e-6


def test_the_teacher_is_the_average_of_the_parameters_after_the_update():
    one = trial("tico")
    state, _ = one.step(one.state, one.batches[0])

    def check(old, student, new):
        wanted = 0.99 * np.asarray(old, np.float64) + 0.01 * np.asarray(student)
        np.testing.assert_allclose(new, wanted, rtol=1e-6, atol=1e-8)

    jax.tree.map(
        check, one.state.objective_state["teacher"], state.params, state.objective_state["teacher"]
    )


def test_the_momentum_of_the_teacher_follows_the_schedule_that_is_named():
    one, memory = trial("tico"), trial("tico").state.objective_state
    other = jax.tree.map(lambda leaf: leaf + 1, memory["teacher"])
    # a third of the way: 1 - momentum is .01 times 3/4 by the cosine, 1/2 by the sine
    for name, share in (("cosine", 0.75), ("sine", 0.5), ("linear", 2 / 3)):
        objective = dataclasses.replace(
            one.objective,
            momentum_schedule=name,
            run=dataclasses.replace(one.objective.run, steps=30),
        )
        moved = objective.advance(other, memory, {}, step=10)[1]["teacher"]
        for before, after in zip(*map(jax.tree.leaves, (memory["teacher"], moved)), strict=True):
            np.testing.assert_allclose(after - before, 0.01 * share, rtol=2e-3, atol=1e-6)


def test_an_unknown_schedule_of_the_momentum_is_refused():
    with pytest.raises(UserError, match="momentum_schedule 'sinus'; did you mean 'sine'"):
        section = {**CASES["tico"][1], "momentum_schedule": "sinus"}
        build_objective(ConfigDict(section), trial("tico").objective.run)


def test_no_gradient_reaches_teacher_or_covariance():
    one = trial("tico")

    def loss(moving):
        memory = {**one.state.objective_state, **moving}
        batch = one.batches[0]
        return one.objective.value(one.state.params, memory, batch, key=jax.random.key(0), step=0)[
            0
        ]

    moving = {name: one.state.objective_state[name] for name in ("teacher", "covariance")}
    for leaf in jax.tree.leaves(jax.jit(jax.grad(loss))(moving)):
        assert not np.any(leaf)


@pytest.mark.parametrize("name", ["momentum", "covariance_momentum"])
def test_a_momentum_out_of_range_is_refused(name):
    with pytest.raises(UserError, match=f"objective.{name}=1.5; it must be between 0 and 1"):
        build_objective(ConfigDict({**CASES["tico"][1], name: 1.5}), trial("tico").objective.run)
