"""SwAV: which views predict which, and when the queue and the prototypes move."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from ssljax.errors import UserError
from ssljax.models import build_encoder
from ssljax.objectives import Run, build_objective
from ssljax.objectives.clustering.features import unit_features
from ssljax.ops import sinkhorn
from ssljax.training.optimizer import build_optimizer
from ssljax.training.step import make_train_step
from tests.objectives.cases import CASES
from tests.objectives.cases.small import POOLED_VIT
from tests.objectives.conftest import BATCH, SPEC, trial

KEY = jax.random.key(3)


def _loss(objective, memory, step):
    one = trial("swav")
    return objective.value(one.state.params, memory, one.batches[0], key=KEY, step=step)


def _without_queue():
    return dataclasses.replace(trial("swav").objective, queue_size=0)


def _lengths(params):
    return np.linalg.norm(params["prototypes"]["rows"], axis=1)


def test_every_other_view_predicts_the_assignment_of_the_first_two():
    one, objective = trial("swav"), _without_queue()
    params, stats = one.state.params, one.state.objective_state["stats"]

    @jax.jit
    def unit(params):
        net, _ = objective.nets(params, {"stats": stats})
        return unit_features(net, objective.views(KEY, one.batches[0]))

    features = unit(params)
    assert len(features) == 4  # two large views, two small ones
    scores = [np.asarray(z) @ np.asarray(params["prototypes"]["rows"]).T for z in features]
    losses = []
    for i in (0, 1):
        q = np.asarray(sinkhorn(jnp.asarray(scores[i]), epsilon=0.05, iterations=3))
        for v in {0, 1, 2, 3} - {i}:
            logits = np.asarray(jax.nn.log_softmax(scores[v] / 0.1, axis=1))
            losses.append(-np.mean(np.sum(q * logits, axis=1)))
    loss, _ = jax.jit(lambda: _loss(objective, {"stats": stats}, 0))()
    np.testing.assert_allclose(loss, np.mean(losses), rtol=1e-5)


@pytest.mark.parametrize("name", ["swav", "deepcluster_v2"])
def test_batch_statistics_of_the_projector_are_of_the_groups_of_the_encoder(name):
    encoder, section = CASES[name]
    for groups in (1, 4):
        run = Run(build_encoder({**encoder, "bn_groups": groups}), SPEC, 10, BATCH)
        projector = build_objective(ConfigDict(section), run).networks["projector"]
        assert projector.bn_groups == groups
    run = Run(build_encoder(POOLED_VIT), SPEC, 10, BATCH)  # without batch normalisation
    assert build_objective(ConfigDict(section), run).networks["projector"].bn_groups == 1


def test_the_queue_is_used_once_it_is_full_and_its_time_has_come():
    memory = trial("swav").state.objective_state
    unused = float(jax.jit(lambda: _loss(_without_queue(), {"stats": memory["stats"]}, 0)[0])())
    used = {}
    for start in (0, 5):
        objective = dataclasses.replace(trial("swav").objective, queue_start=start)
        loss = jax.jit(lambda step, one=objective: _loss(one, memory, step)[0])
        used[start] = [abs(float(loss(step)) - unused) > 1e-4 for step in (0, 1, 2, 4, 5, 6)]
    assert used[0] == [False, False, True, True, True, True]  # 32 rows are two batches of 16
    assert used[5] == [False, False, False, False, True, True]


def test_the_features_of_a_batch_enter_the_queue_after_its_loss():
    one = trial("swav")
    state, _ = one.step(one.state, one.batches[0])
    for view in (0, 1):
        before, after = (
            one.state.objective_state["queue"][view],
            state.objective_state["queue"][view],
        )
        assert int(after["cursor"]) == BATCH
        np.testing.assert_array_equal(after["rows"][BATCH:], before["rows"][BATCH:])
        assert np.abs(np.asarray(after["rows"] - before["rows"])[:BATCH]).max() > 0.01
        np.testing.assert_allclose(np.linalg.norm(after["rows"], axis=1), 1, rtol=1e-5)
    first, second = (queue["rows"] for queue in state.objective_state["queue"])
    assert np.abs(np.asarray(first - second)[:BATCH]).max() > 0.01  # each view has its own


def test_no_gradient_reaches_the_queue():
    memory = trial("swav").state.objective_state

    def loss(rows):
        queue = [{**one, "rows": r} for one, r in zip(memory["queue"], rows, strict=True)]
        return _loss(trial("swav").objective, {**memory, "queue": queue}, 9)[0]

    for gradient in jax.jit(jax.grad(loss))([one["rows"] for one in memory["queue"]]):
        assert not np.any(gradient)


def test_prototypes_stay_unit_vectors():
    one = trial("swav")
    np.testing.assert_allclose(_lengths(one.state.params), 1, rtol=1e-6)
    state, _ = one.step(one.state, one.batches[0])
    np.testing.assert_allclose(_lengths(state.params), 1, rtol=1e-6)


def test_a_rule_of_the_optimizer_holds_the_prototypes():
    one = trial("swav")
    groups = (
        {"name": "prototypes", "match": "^prototypes/", "frozen_steps": 1},
        {"name": "rest", "match": ".*"},
    )
    optimizer = build_optimizer(
        {"learning_rate": 0.01, "param_groups": groups},
        steps=10,
        batch_size=BATCH,
        params=one.state.params,
    ).transform
    step = jax.jit(make_train_step(one.objective, optimizer, seed=0))
    state = one.state.replace(opt_state=optimizer.init(one.state.params))
    moved = []
    for batch in one.batches:
        before = np.asarray(state.params["prototypes"]["rows"])
        state, _ = step(state, batch)
        moved.append(np.abs(before - state.params["prototypes"]["rows"]).max())
    assert moved[0] < 1e-6 < 1e-3 < moved[1]


@pytest.mark.parametrize(
    "change, batch_size, message",
    [
        ({}, 24, "objective.queue_size=32 is not a multiple of batch_size=24"),
        ({"prototypes": 1}, BATCH, "objective.prototypes=1; it must be at least 2"),
        ({"sinkhorn_iterations": 0}, BATCH, "objective.sinkhorn_iterations=0; it must be at least"),
        (
            {"views": {"crop": {"count": 1}}},
            BATCH,
            r"objective.views makes 1 view\(s\); swav needs",
        ),
    ],
)
def test_bad_values_are_refused(change, batch_size, message):
    encoder, section = CASES["swav"]
    run = Run(build_encoder(encoder), SPEC, steps=10, batch_size=batch_size)
    with pytest.raises(UserError, match=message):
        build_objective(ConfigDict({**section, **change}), run)
