"""I-JEPA: the encoder sees no target, the teacher all, and what is predicted are its features."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from ssljax.errors import UserError
from ssljax.models import build_encoder
from ssljax.objectives import Run, build_objective
from tests.objectives.cases import CASES
from tests.objectives.cases.small import RESNET
from tests.objectives.conftest import BATCH, SPEC, STEPS, features_of, trial

ENCODER, SECTION = CASES["i_jepa"]


def build(encoder=ENCODER, **changes):
    run = Run(build_encoder(encoder), SPEC, steps=STEPS, batch_size=4)
    return build_objective(ConfigDict({**SECTION, "views": {"crop": {}}, **changes}), run)


def loss_of(objective, params, memory, batch):
    return objective.value(params, memory, batch, key=jax.random.key(1), step=0)[0]


def test_predicting_zero_costs_the_smooth_error_of_a_standard_normal():
    one = trial("i_jepa")
    params = jax.tree.map(lambda leaf: leaf, one.state.params)
    params["predictor"]["output"] = jax.tree.map(jnp.zeros_like, params["predictor"]["output"])
    losses = {}
    for distance in ("smooth_l1", "l2"):
        objective = dataclasses.replace(one.objective, distance=distance)
        run = jax.jit(functools.partial(loss_of, objective))
        losses[distance] = float(run(params, one.state.objective_state, one.batches[0]))
    # The targets have variance 1; 16 components are nearly normal.
    assert losses["l2"] == pytest.approx(1, abs=1e-3)
    assert losses["smooth_l1"] == pytest.approx(0.425, abs=0.03)


def test_targets_do_not_reach_the_prediction_nor_teacher_the_gradient():
    one, batch = trial("i_jepa"), trial("i_jepa").batches[0]
    image = batch["image"].astype(np.float32) / 255

    objective = build()
    loss = jax.jit(
        jax.grad(
            lambda i, m: loss_of(objective, one.state.params, m, {**batch, "image": i}), (0, 1)
        )
    )
    by_image, by_memory = loss(image, one.state.objective_state)
    seen = np.asarray(by_image).reshape(BATCH, 4, 2, 4, 2).any(axis=(2, 4)).sum((1, 2))
    assert (seen == 8).all()  # of 16 patches; 4 targets have 2 each
    for leaf in jax.tree.leaves(by_memory):
        assert not np.any(leaf)


def test_v_jepa_predicts_each_mask_from_what_is_outside_of_it():
    one = trial("i_jepa, video")
    batch, memory = one.batches[0], one.state.objective_state
    video = batch["video"].astype(np.float32) / 255
    params = jax.tree.map(lambda leaf: leaf, one.state.params)
    np.testing.assert_array_equal(params["predictor"]["mask_token"], np.zeros((2, 16)))

    def loss(params, video, objective=one.objective):
        return loss_of(objective, params, memory, {**batch, "video": video})

    by_params, by_video = jax.jit(jax.grad(loss, (0, 1)))(params, video)
    # Each kind of mask has a token of its own.
    assert (np.abs(by_params["predictor"]["mask_token"]).max(1) > 1e-6).all()
    # What neither mask sees has no influence; frames are seen in the same places.
    seen = np.asarray(by_video).reshape(BATCH, 2, 2, 2, 4, 2, 4).any(axis=(2, 4, 6))
    masks = jax.eval_shape(one.objective.masks, jax.random.split(jax.random.key(0)))
    contexts = [one.context for one in masks]
    assert seen.sum((1, 2, 3)).max() <= sum(context.shape[1] for context in contexts)
    np.testing.assert_array_equal(seen[:, 0], seen[:, 1])
    # Predicting zero costs the mean of |x| of a standard normal, .798 (16 components: roughly).
    params["predictor"]["output"] = jax.tree.map(jnp.zeros_like, params["predictor"]["output"])
    assert float(jax.jit(loss)(params, video)) == pytest.approx((2 / np.pi) ** 0.5, abs=0.05)


def test_the_momentum_may_stay_where_it_is():
    objective = dataclasses.replace(trial("i_jepa").objective, momentum=0.9, momentum_end=0.9)
    assert [float(objective.decay(step)) for step in (0, STEPS)] == pytest.approx([0.9, 0.9])


def test_the_momentum_rises_linearly_to_one():
    one = trial("i_jepa")
    moved = jax.tree.map(lambda leaf: leaf + 1.0, one.state.params)
    for step, momentum in ((0, 0.996), (STEPS // 2, 0.998), (STEPS, 1.0)):
        _, after = one.objective.advance(moved, one.state.objective_state, {}, step=step)
        before = one.state.objective_state["teacher"]["encoder"]
        change = jax.tree.map(lambda a, b: np.mean(a - b), after["teacher"]["encoder"], before)
        np.testing.assert_allclose(jax.tree.leaves(change), 1 - momentum, atol=1e-6)


def test_features_are_the_mean_of_the_teachers_tokens():
    one, batch = trial("i_jepa"), trial("i_jepa").batches[0]
    teacher = jax.tree.map(lambda leaf: leaf + 0.1, one.state.objective_state)
    params = one.state.params
    features = jax.jit(features_of(one.objective))
    own = features(params, one.state.objective_state, batch)
    np.testing.assert_array_equal(features(None, one.state.objective_state, batch), own)
    assert np.abs(features(params, teacher, batch) - own).max() > 1e-3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"distance": "l3"}, "unknown objective.distance 'l3'"),
        ({"target_scale": 0.3}, "targets . scale must leave some .* 4 targets of 4 patches"),
        ({"target_aspect": (1.5, 0.75)}, "target_aspect=.* must be in ascending order"),
        ({"encoder": RESNET}, "i_jepa masks patches"),
        ({"tubes": ((8, 0.15),)}, "objective.tubes=.* are of videos, and the data .* image"),
        ({"predictor_heads": 3}, "objective.predictor_heads=3 must divide"),
    ],
)
def test_what_does_not_fit_is_refused_before_the_run(changes, message):
    with pytest.raises(UserError, match=message):
        build(**changes)
