"""The assignments of un-augmented examples to prototypes, which the label-free measures read."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.objectives.conftest import outputs_of, trial


def _unit(rows):
    rows = np.asarray(rows, np.float64)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _swav(one, params, state, projected):
    return _unit(projected) @ np.asarray(params["prototypes"]["rows"]).T / one.temperature


def _deepcluster_v2(one, params, state, projected):
    return _unit(projected) @ np.asarray(state["prototypes"][0]).T / one.temperature


def _dino(one, params, state, scores):
    return (
        np.asarray(scores, np.float64) - np.asarray(state.get("center", 0))
    ) / one.teacher_temperature


def _msn(one, params, state, projected):
    cosines = _unit(projected) @ _unit(params["prototypes"]["rows"]).T
    return cosines / one.temperature / one.sharpening


# The component whose outputs the logits are made of, and how.
EXPECTED = {
    "swav": ("projector", _swav),
    "deepcluster_v2": ("projector", _deepcluster_v2),
    "dino": ("head", _dino),
    "ibot": ("head", _dino),
    "dinov2": ("head", _dino),
    "msn": ("head", _msn),
}


@pytest.mark.parametrize("case", EXPECTED)
def test_logits_are_those_of_the_features_that_are_evaluated(case):
    one = trial(case)
    params, state = one.state.params, dict(one.state.objective_state)
    if "center" in state:
        state["center"] = jnp.arange(len(state["center"]), dtype=jnp.float32)
    if case == "deepcluster_v2":
        rows = np.random.default_rng(0).normal(size=state["prototypes"][0].shape)
        state["prototypes"] = [jnp.asarray(rows, jnp.float32), *state["prototypes"][1:]]
    outputs = outputs_of(one.objective, params, state, one.batches[0])
    assert list(outputs)[0] == "image"  # which is evaluated
    part, expected = EXPECTED[case]

    @jax.jit
    def made(params, state, features):
        student, teacher = one.objective.nets(params, state, train=False)
        return getattr(teacher if one.objective.features_of_teacher else student, part)(features)

    made = made(params, state, outputs["image"])
    expected = expected(one.objective, params, state, made)
    np.testing.assert_allclose(outputs["assignments/image"], expected, rtol=1e-4, atol=1e-4)
