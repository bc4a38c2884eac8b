"""DINO: who sees which views, and when centre, temperature and teacher move."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from ssljax.errors import UserError
from ssljax.models import build_encoder, without_drop_path
from ssljax.objectives import Run, build_objective
from ssljax.objectives.multi_crop import apply_multi_crop, pairs
from tests.objectives.cases import CASES
from tests.objectives.cases.small import VIT
from tests.objectives.conftest import BATCH, SPEC, STEPS, features_of, trial

KEY = jax.random.key(0)


def _batch():
    return {**trial("dino").batches[0], "row": jnp.arange(BATCH)}


def _logits(one):
    """Return the logits of the step that `one.objective.loss` with KEY computes."""
    objective, memory = one.objective, one.state.objective_state

    @jax.jit
    def logits(params, memory):
        groups = objective.views.by_size(KEY, _batch())
        assert [g.shape for g in groups] == [(BATCH, 2, 8, 8, 1), (BATCH, 2, 4, 4, 1)]
        net, teacher = objective.nets(params, memory)
        s = apply_multi_crop(net, groups, "head")
        t = apply_multi_crop(teacher, groups[:1], "head")
        return s.swapaxes(0, 1), t.swapaxes(0, 1)

    return [np.asarray(x, np.float64) for x in logits(one.state.params, memory)]


def _loss(one, memory, step=0):
    return jax.jit(one.objective.value)(one.state.params, memory, _batch(), key=KEY, step=step)


def _softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


@pytest.mark.parametrize(("step", "temperature"), [(0, 0.04), (5, 0.07), (9, 0.07)])
def test_the_loss_is_that_of_the_papers_pseudo_code(step, temperature):
    one = trial("dino")
    s, t = _logits(one)
    total, terms = 0.0, 0
    for teacher in range(2):
        for student in range(4):
            if student != teacher:
                p, q = _softmax(t[:, teacher] / temperature), _softmax(s[:, student] / 0.1)
                total, terms = total - np.mean(np.sum(p * np.log(q), axis=1)), terms + 1
    assert terms == 6 == len(pairs(2, 4))
    value, _ = _loss(one, one.state.objective_state, step)
    assert float(value) == pytest.approx(total / terms, rel=1e-4)


def test_the_centre_moves_after_it_was_used_towards_the_mean_of_the_batch():
    one = trial("dino")
    memory = {**one.state.objective_state, "center": jnp.arange(12.0) / 12}
    value, aux = _loss(one, memory)
    _, after = one.objective.advance(one.state.params, memory, aux.carry, step=0)
    mean = _logits(one)[1].mean((0, 1))
    expected = 0.99 * np.asarray(memory["center"]) + 0.01 * mean
    np.testing.assert_allclose(after["center"], expected, rtol=1e-4, atol=1e-6)
    # The loss was that of the centre before.
    assert abs(float(value) - float(_loss(one, {**memory, "center": after["center"]})[0])) > 1e-4


def test_the_teacher_is_the_average_of_the_parameters_after_the_update():
    one = trial("dino")
    memory, carry = one.state.objective_state, dict(one.state.objective_state)
    moved = jax.tree.map(lambda leaf: leaf + 1.0, one.state.params)
    for step, momentum in ((0, 0.996), (STEPS // 2, 0.998), (STEPS, 1.0)):
        _, after = one.objective.advance(moved, memory, carry, step=step)
        leaf = jax.tree.leaves(after["teacher"])[0] - jax.tree.leaves(memory["teacher"])[0]
        assert float(np.mean(leaf)) == pytest.approx(1 - momentum, abs=1e-6)


def test_no_gradient_reaches_teacher_or_centre():
    one = trial("dino")

    def loss(moving):
        memory = {**one.state.objective_state, **moving}
        return one.objective.value(one.state.params, memory, _batch(), key=KEY, step=0)[0]

    moving = {name: one.state.objective_state[name] for name in ("teacher", "center")}
    for leaf in jax.tree.leaves(jax.jit(jax.grad(loss))(moving)):
        assert not np.any(leaf)


def test_features_are_the_teachers():
    one = trial("dino")
    other = jax.tree.map(jnp.zeros_like, one.state.params)
    embed = jax.jit(features_of(one.objective))
    features = embed(one.state.params, one.state.objective_state, _batch())
    np.testing.assert_array_equal(features, embed(other, one.state.objective_state, _batch()))


def _build(encoder, section):
    run = Run(build_encoder(encoder), SPEC, steps=STEPS, batch_size=BATCH)
    return build_objective(ConfigDict(section), run)


def test_a_transformer_sees_both_sizes_and_the_teacher_drops_no_path():
    objective = _build({**VIT, "drop_path": 0.5}, CASES["dino"][1])
    params, memory = jax.jit(objective.init)(KEY, KEY)
    values = jax.jit(
        jax.vmap(lambda k: objective.value(params, memory, _batch(), key=k, step=0)[0])
    )
    assert np.isfinite(values(jax.random.split(KEY, 2))).all()
    assert without_drop_path(objective.run.encoder) == dataclasses.replace(
        objective.run.encoder, drop_path=0.0
    )

    @jax.jit
    def targets(key):
        _, teacher = objective.nets(params, memory, key=key)
        return apply_multi_crop(teacher, objective.views.by_size(KEY, _batch())[:1], "head")

    first, second = (targets(jax.random.key(k)) for k in (1, 2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("name", ["dino", "ibot", "dinov2", "msn"])
def test_a_single_prototype_is_refused(name):
    encoder, section = CASES[name]
    with pytest.raises(UserError, match="objective.prototypes=1; it must be at least 2"):
        _build(encoder, {**section, "prototypes": 1})


def test_a_temperature_of_0_is_refused():
    encoder, section = CASES["dino"]
    with pytest.raises(UserError, match="objective.teacher_temperature=0.0; it must be above 0"):
        _build(encoder, {**section, "teacher_temperature": 0.0})


def test_a_single_global_view_is_refused():
    encoder, section = CASES["dino"]
    views = {"global": {"count": 1}, "local": {"count": 6, "size": 4}}
    with pytest.raises(UserError, match="makes 1 view.s. of the largest size, 8; .* needs 2"):
        _build(encoder, {**section, "views": views})
