"""data2vec: layers of a teacher that sees all, predicted where the encoder sees a mask."""

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict

from ssljax.errors import UserError
from ssljax.models import build_encoder
from ssljax.objectives import Run, build_objective
from ssljax.objectives.masked.data2vec import layer_targets
from ssljax.objectives.views import plain
from ssljax.spec import Spec
from tests.models.jitted import apply
from tests.objectives.cases import CASES
from tests.objectives.conftest import EXAMPLES, STEPS, WAVES, trial

ENCODER, SECTION = CASES["data2vec"]


def value_of(one, params, state):
    batch, key = one.batches[0], jax.random.key(1)
    return jax.jit(lambda p, s: one.objective.value(p, s, batch, key=key, step=0)[0])(params, state)


def test_predicting_zero_costs_the_root_of_the_width_for_each_layer_normalised_alone():
    """The squared error is summed over the components, and divided by sqrt(D): with targets of
    unit variance, sqrt(D); here the frames that are hidden have what they happen to have."""
    one = trial("data2vec")
    params = {**one.state.params, "head": jax.tree.map(np.zeros_like, one.state.params["head"])}
    single = build(top_layers=1)
    state = one.state.objective_state
    batch, key = one.batches[0], jax.random.key(1)
    value = jax.jit(lambda: single.value(params, state, batch, key=key, step=0)[0])()

    @jax.jit
    def seen(params):
        _, teacher = single.nets(params, state)
        rows = jax.vmap(lambda r: jax.random.fold_in(jax.random.split(key)[1], r))(batch["row"])
        return layer_targets(teacher, plain(batch["audio"], WAVES), 1), single.mask(rows)

    target, masked = seen(params)
    target = np.asarray(target, np.float64)
    np.testing.assert_allclose(np.mean(target**2), 1, rtol=2e-2)
    np.testing.assert_allclose(value, 4 * np.mean(target[masked] ** 2), rtol=1e-4)


def build(**changes):
    run = Run(build_encoder(ENCODER), Spec({"audio": WAVES}, EXAMPLES), STEPS, 4)
    return build_objective(ConfigDict({**SECTION, **changes}), run)


def test_targets_are_the_mean_of_layers_normalised_over_time():
    one = trial("data2vec")
    teacher = jax.device_get(one.state.objective_state["teacher"])
    teacher = jax.tree.map(lambda leaf: leaf + 0.1, teacher)
    waves = plain(one.batches[0]["audio"], WAVES)

    def targets(teacher):
        _, net = one.objective.nets(teacher, {"teacher": teacher})
        return layer_targets(net, waves, 2)

    added = apply(
        one.objective.run.encoder, teacher["encoder"], {}, waves, train=False, mlp_outputs=True
    )[0].mlp_outputs
    layers = np.asarray(added, np.float64)  # [layer, sound, frame, component]
    mean, variance = layers.mean(2, keepdims=True), layers.var(2, keepdims=True)
    expected = ((layers - mean) / np.sqrt(variance + 1e-5)).mean(0)
    np.testing.assert_allclose(jax.jit(targets)(teacher), expected, atol=1e-3)


def test_no_gradient_reaches_the_teacher():
    one = trial("data2vec")
    state = one.state.objective_state

    def loss(teacher):
        return value_of(one, one.state.params, {**state, "teacher": teacher})

    gradient = jax.jit(jax.grad(loss))(state["teacher"])
    assert not any(leaf.any() for leaf in jax.tree.leaves(gradient))


def test_the_momentum_rises_for_as_long_as_it_is_told():
    objective = build(momentum=0.9, final_momentum=0.99, momentum_steps=4)
    found = [float(objective.decay(step)) for step in (0, 2, 4, 9)]
    np.testing.assert_allclose(found, [0.9, 0.945, 0.99, 0.99], rtol=1e-6)


def test_too_many_layers_are_refused():
    with pytest.raises(UserError, match="top_layers=3; it must be from 1 to encoder.depth=2"):
        build(top_layers=3)
