"""Online distillation: a frozen teacher stays as it is, another one learns by its objective."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from ssljax.errors import UserError
from ssljax.models import build_encoder
from ssljax.objectives import Run, build_objective
from tests.objectives.cases import CASES
from tests.objectives.conftest import BATCH, SPEC, STEPS, features_of, trial

KEY = jax.random.key(0)


def _batch():
    return {**trial("online_distillation").batches[0], "row": jnp.arange(BATCH)}


def _build(**fields):
    encoder, section = CASES["online_distillation"]
    run = Run(build_encoder(encoder), SPEC, steps=STEPS, batch_size=BATCH)
    return build_objective(ConfigDict({**section, **fields}), run)


def test_the_gradient_of_a_trained_teacher_is_that_of_its_objective_alone():
    one = trial("online_distillation")
    params, memory = one.state.params, one.state.objective_state

    def both(params):
        return one.objective.value(params, memory, _batch(), key=KEY, step=0)[0]

    def alone(teacher):
        key = jax.random.split(KEY, 3)[2]
        return one.objective.teacher_objective.value(
            teacher, memory["teacher"], _batch(), key=key, step=0
        )[0]

    together = jax.jit(jax.grad(both))(params)
    teacher = {
        name.removeprefix("teacher/"): tree
        for name, tree in params.items()
        if name.startswith("teacher/")
    }
    for name, tree in jax.jit(jax.grad(alone))(teacher).items():
        jax.tree.map(_assert_same_gradient, together[f"teacher/{name}"], tree)


def _assert_same_gradient(found, expected):
    """Rounding of sums is relative to what is summed, so to the largest entries."""
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6 * np.abs(expected).max())


def test_the_student_may_be_smaller_than_its_teacher():
    one = trial("online_distillation")
    student = features_of(one.objective)(one.state.params, one.state.objective_state, _batch())
    assert student.shape[1] < one.state.objective_state["queue"]["rows"].shape[1]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"teacher_encoder": {}}, "objective.teacher_encoder is missing"),
        ({"teacher_objective": {}}, "objective.teacher_objective is missing"),
        ({"queue_size": 24}, "queue_size=24"),
        ({"teacher_temperature": 0.0}, "objective.teacher_temperature=0.0; .* above 0"),
        ({"teacher_objective": {"name": "simclrr"}}, "did you mean 'simclr'"),
    ],
)
def test_what_does_not_fit_is_refused(fields, message):
    with pytest.raises(UserError, match=message):
        _build(**fields)
