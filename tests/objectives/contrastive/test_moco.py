"""MoCo: what is compared with what, and when the memory moves."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from ssljax.errors import UserError
from ssljax.models import build_encoder
from ssljax.objectives import Run, build_objective
from ssljax.objectives.contrastive.momentum_contrast import teacher_keys
from tests.objectives.cases import CASES
from tests.objectives.conftest import BATCH, SPEC, trial


def _after_a_step():
    one = trial("moco_v2")
    return one, one.step(one.state, one.batches[0])[0]


def test_the_keys_of_a_batch_enter_the_queue_after_its_loss():
    one, state = _after_a_step()
    before, after = one.state.objective_state["queue"], state.objective_state["queue"]
    assert int(after["cursor"]) == BATCH
    np.testing.assert_array_equal(after["rows"][BATCH:], before["rows"][BATCH:])
    assert np.abs(np.asarray(after["rows"][:BATCH] - before["rows"][:BATCH])).max() > 0.01


def test_the_teacher_is_the_average_of_the_parameters_after_the_update():
    one, state = _after_a_step()
    momentum = one.objective.momentum

    def check(old, student, new):
        wanted = momentum * np.asarray(old, np.float64) + (1 - momentum) * np.asarray(student)
        np.testing.assert_allclose(new, wanted, rtol=1e-6, atol=1e-8)

    jax.tree.map(
        check, one.state.objective_state["teacher"], state.params, state.objective_state["teacher"]
    )


def test_no_gradient_reaches_teacher_or_queue():
    one = trial("moco_v2")

    queue = one.state.objective_state["queue"]

    def loss(memory):
        rows = {**queue, "rows": memory["rows"]}
        memory = {**one.state.objective_state, "teacher": memory["teacher"], "queue": rows}
        batch = one.batches[0]
        return one.objective.value(one.state.params, memory, batch, key=jax.random.key(0), step=0)[
            0
        ]

    moving = {"teacher": one.state.objective_state["teacher"], "rows": queue["rows"]}
    for leaf in jax.tree.leaves(jax.jit(jax.grad(loss))(moving)):
        assert not np.any(leaf)


def _with_groups(groups):
    encoder, section = CASES["moco_v2"]
    run = Run(build_encoder({**encoder, "bn_groups": groups}), SPEC, steps=10, batch_size=BATCH)
    return build_objective(ConfigDict(section), run)


def test_shuffled_keys_come_back_in_the_order_of_their_queries():
    """Keys of a shuffled batch differ by their statistics alone, not in their order."""
    one, objective = trial("moco_v2"), _with_groups(4)
    views = jnp.asarray(one.batches[0]["image"], jnp.float32) / 255
    key = jax.random.key(1)
    shuffled, plain = (
        teacher_keys(task.nets(one.state.params, one.state.objective_state)[1], views, key)
        for task in (objective, one.objective)
    )
    unit = lambda z: z / np.linalg.norm(z, axis=1, keepdims=True)  # noqa: E731
    similarity = unit(np.asarray(shuffled)) @ unit(np.asarray(plain)).T
    assert (similarity.argmax(axis=1) == np.arange(BATCH)).mean() > 0.7


def test_a_queue_that_is_no_multiple_of_the_batch_is_refused():
    encoder, section = CASES["moco_v2"]
    run = Run(build_encoder(encoder), SPEC, steps=10, batch_size=24)
    with pytest.raises(UserError, match="queue_size=64 is not a multiple of batch_size=24"):
        build_objective(ConfigDict(section), run)
