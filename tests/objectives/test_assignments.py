"""The assignments of un-augmented examples to prototypes, which the label-free measures read."""

import jax.numpy as jnp
import numpy as np
import pytest

from tests.objectives.conftest import trial


def _unit(rows):
    rows = np.asarray(rows, np.float64)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _swav(one, params, state, net, features):
    z = _unit(net.projector(features))
    return z @ np.asarray(params["prototypes"]["rows"]).T / one.temperature


def _deepcluster_v2(one, params, state, net, features):
    z = _unit(net.projector(features))
    return z @ np.asarray(state["prototypes"][0]).T / one.temperature


def _dino(one, params, state, net, features):
    scores = np.asarray(net.head(features), np.float64)
    return (scores - np.asarray(state.get("center", 0))) / one.teacher_temperature


def _msn(one, params, state, net, features):
    cosines = _unit(net.head(features)) @ _unit(params["prototypes"]["rows"]).T
    return cosines / one.temperature / one.sharpening


EXPECTED = {
    "swav": _swav,
    "deepcluster_v2": _deepcluster_v2,
    "dino": _dino,
    "ibot": _dino,
    "dinov2": _dino,
    "msn": _msn,
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
    outputs = one.objective.outputs(params, state, one.batches[0])
    assert list(outputs)[0] == "image"  # which is evaluated
    student, teacher = one.objective.nets(params, state, train=False)
    net = teacher if one.objective.features_of_teacher else student
    expected = EXPECTED[case](one.objective, params, state, net, outputs["image"])
    np.testing.assert_allclose(outputs["assignments/image"], expected, rtol=1e-4, atol=1e-4)
