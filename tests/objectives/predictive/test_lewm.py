"""LeWM: what predicts what, rollouts, and what cannot be."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from ssljax.errors import UserError
from ssljax.models import build_encoder
from ssljax.objectives import Run, build_objective
from ssljax.spec import Field, Spec
from tests.objectives.cases import CASES, FURTHER
from tests.objectives.conftest import outputs_of, started

B, D = 3, 8


def objective_of(frames, *, actions=None, encoders=("action",), **fields):
    video = Field("video", (frames, 8, 8, 1), "uint8", mean=(0.2,), std=(0.5,))
    action = Field("series", (actions or frames - 1, 2), "float32", mean=(1.0, 0), std=(2.0, 1))
    encoder, section = CASES["lewm"]
    spec = Spec({"video": video, "action": action}, 9)
    further = {name: build_encoder(FURTHER["lewm"]["action"], action) for name in encoders}
    run = Run(build_encoder(encoder, video), spec, steps=10, batch_size=4, encoders=further)
    return build_objective(ConfigDict({**section, "predictor_dropout": 0.0, **fields}), run)


def batch_of(frames, actions=None):
    rng = np.random.default_rng(0)
    return {
        "video": rng.integers(0, 256, (B, frames, 8, 8, 1)).astype(np.uint8),
        "action": rng.normal(size=(B, actions or frames - 1, 2)).astype(np.float32),
        "id": np.arange(B),
        "row": np.arange(B),
    }


def perturbed(objective):
    """Return parameters of which none is 0, so that actions count, and the first state."""
    params, state = jax.device_get(started(objective))
    rng = np.random.default_rng(1)
    drawn = jax.tree.map(lambda x: x + 0.3 * rng.normal(size=x.shape).astype(np.float32), params)
    return drawn, state


def characteristic(z, directions):
    """Return SIGReg of z[B, D] in loops, float64."""
    knots = np.linspace(0, 3, 17)
    total = 0.0
    for a in directions:
        x = z @ (a / np.linalg.norm(a))
        values = []
        for t in knots:
            normal = np.exp(-(t**2) / 2)
            distance = (np.cos(t * x).mean() - normal) ** 2 + np.sin(t * x).mean() ** 2
            values.append(distance * normal)
        total += 2 * len(z) * np.trapezoid(values, knots)
    return total / len(directions)


@pytest.mark.parametrize("frames", [3, 5])
def test_the_loss_is_that_of_every_part_of_history_and_one_more(frames):
    objective, batch, key = objective_of(frames, weight=0.5), batch_of(frames), jax.random.key(3)
    params, state = perturbed(objective)
    shown = ((batch["action"] - [1.0, 0]) / [2.0, 1]).astype(np.float32)

    @jax.jit
    def run(params):
        net, _ = objective.nets(params, state, train=False)
        z = objective.outputs(params, state, batch)["tokens/video"]
        a = net.action_encoder(shown).tokens
        told = []
        for first in range(frames - 2):
            part = slice(first, first + 2)
            hidden = net.predictor(z[:, part], a[:, part])
            # From one frame, then from two.
            told.append([net.prediction_projector(hidden[:, t]) for t in range(2)])
        return objective.loss(net, None, batch, key=key, step=0), z, told

    found, z, told = jax.device_get(run(params))
    errors = [
        (told[first][t] - z[:, first + t + 1]).astype(np.float64) ** 2
        for first in range(frames - 2)
        for t in range(2)
    ]
    directions = np.asarray(jax.random.normal(key, (8, D)), np.float64)
    gaussian = np.mean(
        [characteristic(z[:, t].astype(np.float64), directions) for t in range(frames)]
    )
    np.testing.assert_allclose(found.metrics["prediction"], np.mean(errors), rtol=1e-4)
    np.testing.assert_allclose(found.metrics["sigreg"], gaussian, rtol=1e-4)
    np.testing.assert_allclose(found.value, np.mean(errors) + 0.5 * gaussian, rtol=1e-4)


def test_frames_are_encoded_each_by_itself():
    objective, batch = objective_of(4), batch_of(4)
    params, state = perturbed(objective)
    found = outputs_of(objective, params, state, batch)
    assert list(found) == ["video", "tokens/video", "rollout"]
    np.testing.assert_array_equal(found["video"].reshape(B, 4, D), found["tokens/video"])
    turned = {**batch, "video": batch["video"][:, ::-1]}
    other = outputs_of(objective, params, state, turned)["tokens/video"]
    np.testing.assert_allclose(other[:, ::-1], found["tokens/video"], atol=1e-5)
    del batch["action"]
    assert list(outputs_of(objective, params, state, batch)) == ["video", "tokens/video"]


def test_a_rollout_goes_on_from_its_own_predictions():
    objective, batch = objective_of(5), batch_of(5)
    params, state = perturbed(objective)
    outputs = outputs_of(objective, params, state, batch)

    @jax.jit
    def told(params):
        net, _ = objective.nets(params, state, train=False)
        z, a = objective.seen(net, batch)
        known = [z[:, 0], z[:, 1]]
        for t in (1, 2, 3):
            pair = jnp.stack(known[-2:], axis=1)
            hidden = net.predictor(pair, a[:, t - 1 : t + 1])
            known.append(net.prediction_projector(hidden[:, -1]))
        return jnp.stack(known[2:], axis=1)

    np.testing.assert_allclose(outputs["rollout"], told(params), atol=1e-5)
    shown = {**batch, "video": batch["video"][:, :2]}
    rollout = jax.jit(objective.rollout)(params, state, shown)
    np.testing.assert_allclose(rollout, outputs["rollout"], atol=1e-5)


def test_a_rollout_of_one_frame_and_of_more_than_the_history():
    objective = objective_of(4)
    params, state = perturbed(objective)
    batch = batch_of(1, actions=1)

    @jax.jit
    def told(params):
        net, _ = objective.nets(params, state, train=False)
        return net.prediction_projector(net.predictor(*objective.seen(net, batch))[:, 0])

    rollout = jax.jit(objective.rollout)
    found = np.asarray(rollout(params, state, batch))
    np.testing.assert_allclose(found[:, 0], told(params), atol=1e-5)
    long = batch_of(4, actions=5)
    short = {**long, "video": long["video"][:, 2:], "action": long["action"][:, 2:]}
    wide, narrow = (rollout(params, state, one) for one in (long, short))
    assert wide.shape == (B, 2, D)
    np.testing.assert_allclose(wide, narrow, atol=1e-5)


def test_a_later_action_changes_no_earlier_prediction_and_each_has_a_gradient():
    objective = objective_of(4)
    params, state = perturbed(objective)
    batch = batch_of(2, actions=4)

    def told(action):
        return objective.rollout(params, state, {**batch, "action": action})

    of_first = jax.jit(jax.jacrev(lambda action: told(action)[0].sum(axis=-1)))
    jacobian = np.asarray(of_first(batch["action"]))
    moved = np.abs(jacobian[:, 0]).max(axis=-1)  # [steps, actions] of the first example
    assert moved.shape == (3, 4) and np.abs(jacobian[:, 1:]).max() == 0
    assert (moved[np.tril_indices(3, 1, 4)] > 0).all()
    assert moved[0, 2:].max() == moved[1, 3] == 0


def test_too_few_actions_for_a_rollout():
    objective = objective_of(4)
    params, state = perturbed(objective)
    with pytest.raises(UserError, match="3 frames have 2 actions .* needs at least 3, .* are 2"):
        objective.rollout(params, state, batch_of(3))


@pytest.mark.parametrize(
    ("frames", "changes", "said"),
    [
        (4, {"encoders": ()}, "lewm needs one encoder of actions; set config.encoders"),
        (2, {}, "objective.history=2 .* have 2; set frames=3 or more"),
        (4, {"actions": 4}, "an action between each two of 4 frames, .* 'action' .* .4, 2."),
    ],
)
def test_what_does_not_fit_is_said(frames, changes, said):
    with pytest.raises(UserError, match=said):
        objective_of(frames, **changes)
