"""BYOL: two networks, each with statistics of its own, and a rising momentum."""

import dataclasses
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.errors import UserError
from ssljax.objectives.views import Views
from tests.objectives.conftest import SPEC, STEPS, trial


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


def test_each_of_more_views_predicts_every_other():
    """rho-BYOL: the mean over ordered pairs of |q - z|^2 of unit vectors, times two."""
    objective = dataclasses.replace(
        trial("byol").objective, views=Views.crops(count=3).bound("image", SPEC.fields["image"])
    )
    rng = np.random.default_rng(0)
    q, z = rng.normal(size=(2, 3, 4, 5))
    q, z = (x / np.linalg.norm(x, axis=-1, keepdims=True) for x in (q, z))

    def network(vectors):
        left = iter(vectors)
        return SimpleNamespace(
            encoder=lambda x: SimpleNamespace(pooled=jnp.asarray(next(left))),
            projector=lambda x: x,
            predictor=lambda x: x,
        )

    batch = {"image": np.zeros((4, 8, 8, 1), np.uint8), "row": np.arange(4)}
    found = objective.loss(network(q), network(z), batch, key=jax.random.key(0), step=0)
    pairs = [(i, j) for i in range(3) for j in range(3) if i != j]
    expected = 2 * np.mean([((q[i] - z[j]) ** 2).sum(-1).mean() for i, j in pairs])
    np.testing.assert_allclose(found.value, expected, rtol=1e-5)
    with pytest.raises(UserError, match="makes 1 view.* takes 2 or more of one size"):
        dataclasses.replace(objective, views=Views.crops())


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
