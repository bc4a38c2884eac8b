"""BYOL: two networks, each with statistics of its own, and a rising momentum."""

import jax
import numpy as np
import pytest

from tests.objectives.conftest import STEPS, trial


def test_the_momentum_rises_along_a_cosine_to_one():
    one = trial("byol")
    memory, carry = (
        one.state.objective_state,
        {k: one.state.objective_state[k] for k in ("stats", "teacher_stats")},
    )
    moved = jax.tree.map(lambda leaf: leaf + 1.0, one.state.params)
    for step, momentum in ((0, 0.996), (STEPS // 2, 0.998), (STEPS, 1.0)):
        _, after = one.objective.advance(moved, memory, carry, step=step)
        leaf = jax.tree.leaves(after["teacher"])[0] - jax.tree.leaves(memory["teacher"])[0]
        assert float(np.mean(leaf)) == pytest.approx(1 - momentum, abs=1e-6)


def test_the_teacher_has_no_predictor_and_its_own_statistics():
    one = trial("byol")
    state = one.step(one.state, one.batches[0])[0]
    assert set(state.objective_state["teacher"]) == {"encoder", "projector"} < set(state.params)
    # The second step's statistics differ: the two networks are no longer the same.
    state = one.step(state, one.batches[1])[0]
    own, teacher = state.objective_state["stats"], state.objective_state["teacher_stats"]
    pairs = zip(jax.tree.leaves(own["encoder"]), jax.tree.leaves(teacher["encoder"]), strict=True)
    assert max(float(np.abs(a - b).max()) for a, b in pairs) > 1e-6


def test_the_loss_lies_between_0_and_8():
    one = trial("byol")
    assert 0 <= float(one.step(one.state, one.batches[0])[1]["loss"]) <= 8


def test_no_gradient_reaches_the_teacher():
    one = trial("byol")

    def loss(teacher):
        memory = {**one.state.objective_state, "teacher": teacher}
        batch = one.batches[0]
        return one.objective.value(one.state.params, memory, batch, key=jax.random.key(0), step=0)[
            0
        ]

    for leaf in jax.tree.leaves(jax.jit(jax.grad(loss))(one.state.objective_state["teacher"])):
        assert not np.any(leaf)
