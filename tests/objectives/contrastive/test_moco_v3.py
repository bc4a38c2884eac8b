"""MoCo v3: the factor of its loss, its teacher, and the patch embedding that stays as it was."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax import models
from ssljax.ops.schedule import cosine
from ssljax.training.optimizer import build_optimizer
from ssljax.training.step import init_state, make_train_step
from tests.objectives.conftest import BATCH, STEPS, trial
from tests.reference import models as reference


def test_collapsed_it_is_4_t_log_b():
    one = trial("moco_v3")
    blank = {**one.batches[0], "image": np.zeros_like(one.batches[0]["image"])}
    loss, _ = jax.jit(one.objective.value)(
        one.state.params, one.state.objective_state, blank, key=jax.random.key(0), step=0
    )
    expected = 4 * one.objective.temperature * math.log(BATCH)
    assert float(loss) == pytest.approx(expected, rel=1e-4)


def test_the_teacher_is_the_average_of_the_parameters_after_the_update():
    one = trial("moco_v3")
    state = one.step(one.state.replace(step=jnp.int32(4)), one.batches[0])[0]
    momentum = float(cosine(4, start=0.99, end=1.0, steps=STEPS))
    assert 0.99 < momentum < 1 and "predictor" not in state.objective_state["teacher"]

    def check(old, student, new):
        wanted = momentum * np.asarray(old, np.float64) + (1 - momentum) * np.asarray(student)
        np.testing.assert_allclose(new, wanted, rtol=1e-6, atol=1e-8)

    online = {name: state.params[name] for name in ("encoder", "projector")}
    jax.tree.map(
        check, one.state.objective_state["teacher"], online, state.objective_state["teacher"]
    )


def test_no_gradient_reaches_the_teacher():
    one = trial("moco_v3")

    def loss(teacher):
        memory = {**one.state.objective_state, "teacher": teacher}
        batch = one.batches[0]
        return one.objective.value(one.state.params, memory, batch, key=jax.random.key(0), step=0)[
            0
        ]

    for leaf in jax.tree.leaves(jax.jit(jax.grad(loss))(one.state.objective_state["teacher"])):
        assert not np.any(leaf)


def test_a_frozen_patch_embedding_stays_as_it_was_in_student_and_teacher():
    one = trial("moco_v3")
    groups = (
        {"name": "patch_embed", "match": "^encoder/patch_embed/", "frozen": True},
        {"name": "rest", "match": ".*"},
    )
    optimizer = build_optimizer(
        {"learning_rate": 0.01, "weight_decay": 0.1, "param_groups": groups},
        steps=STEPS,
        batch_size=BATCH,
        params=one.state.params,
    ).transform
    state = jax.jit(lambda: init_state(one.objective, optimizer, seed=0))()
    step = jax.jit(make_train_step(one.objective, optimizer, seed=0))
    after, _ = step(state, one.batches[0])
    for tree in (lambda s: s.params, lambda s: s.objective_state["teacher"]):
        before, now = tree(state)["encoder"], tree(after)["encoder"]
        jax.tree.map(np.testing.assert_array_equal, before["patch_embed"], now["patch_embed"])
        assert np.abs(
            np.asarray(before["trunk"]["norm"]["bias"] - now["trunk"]["norm"]["bias"])
        ).any()


@pytest.mark.parametrize("of_a_resnet", [False, True])
def test_only_the_predictor_of_a_resnet_ends_in_a_linear_layer(of_a_resnet):
    """moco/builder.py: ResNets call `_build_mlp(2, dim, mlp_dim, dim, False)`, without last_bn."""
    objective = dataclasses.replace(trial("moco_v3").objective, predictor_norm=not of_a_resnet)
    predictor = objective.networks["predictor"]
    z = np.random.default_rng(0).normal(size=(6, objective.projector_dim))
    direction = np.random.default_rng(1).normal(size=z.shape)
    params, stats = jax.jit(models.init, static_argnums=0)(predictor, jax.random.key(0), z)
    assert ("output_norm" in stats) != of_a_resnet
    assert "bias" not in params["output"] and "bias" not in params["linear_0"]

    def reference_value(z):
        hidden, _, _ = reference.batch_norm(z @ np.asarray(params["linear_0"]["kernel"], float))
        q = np.maximum(hidden, 0) @ np.asarray(params["output"]["kernel"], float)
        return np.sum(direction * (q if of_a_resnet else reference.batch_norm(q)[0]))

    def value(z):
        return jnp.sum(direction * models.apply(predictor, params, stats, z, train=True)[0])

    got, slopes = jax.jit(jax.value_and_grad(value))(jnp.asarray(z, jnp.float32))
    assert float(got) == pytest.approx(reference_value(z), rel=1e-4)
    for row, column in ((0, 0), (3, 2), (5, 1)):
        step = np.zeros_like(z)
        step[row, column] = 1e-6
        slope = (reference_value(z + step) - reference_value(z - step)) / 2e-6
        assert float(slopes[row, column]) == pytest.approx(slope, rel=1e-3, abs=1e-4)
