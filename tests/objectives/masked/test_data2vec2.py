"""data2vec 2.0: one pass of the teacher over the whole image serves several masks."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from ssljax.errors import UserError
from ssljax.models import apply, build_encoder
from ssljax.objectives import Run, build_objective
from tests.objectives.cases import CASES
from tests.objectives.cases.small import RESNET
from tests.objectives.conftest import BATCH, SPEC, STEPS, trial

ENCODER, SECTION = CASES["data2vec2"]


def build(encoder=ENCODER, **changes):
    run = Run(build_encoder(encoder), SPEC, steps=STEPS, batch_size=4)
    return build_objective(ConfigDict({**SECTION, "views": {"crop": {}}, **changes}), run)


def loss_of(objective, params, memory, batch):
    return objective.value(params, memory, batch, key=jax.random.key(1), step=0)


def test_predicting_zero_costs_one_over_the_root_of_the_width():
    one = trial("data2vec2")
    params = {**one.state.params, "decoder": dict(one.state.params["decoder"])}
    params["decoder"]["output"] = jax.tree.map(jnp.zeros_like, params["decoder"]["output"])
    objective = dataclasses.replace(one.objective, class_weight=0.0)
    loss, aux = jax.jit(
        lambda: loss_of(objective, params, one.state.objective_state, one.batches[0])
    )()
    assert float(loss) == pytest.approx(16**-0.5, rel=1e-3) and not aux.metrics


def _targets(objective, teacher, images):
    def targets(teacher, images):
        _, net = objective.nets(teacher, {"teacher": teacher})
        return objective._targets(net, images)

    return jax.jit(targets)(teacher, images)


def test_targets_are_normalised_layers_of_the_teacher():
    objective, one = trial("data2vec2").objective, trial("data2vec2")
    images = jax.random.normal(jax.random.key(0), (3, 8, 8, 1))
    teacher = jax.tree.map(lambda leaf: leaf + 0.1, one.state.objective_state["teacher"])
    target = _targets(objective, teacher, images)
    branches = apply(
        objective.run.encoder, teacher["encoder"], {}, images, train=False, mlp_outputs=True
    )[0].mlp_outputs
    layers = np.asarray(branches, np.float64)  # [layer, image, patch, component]
    mean, var = layers.mean(2, keepdims=True), layers.var(2, keepdims=True)
    expected = ((layers - mean) / np.sqrt(var + 1e-5)).mean(0)
    mean, var = expected.mean(-1, keepdims=True), expected.var(-1, keepdims=True)
    np.testing.assert_allclose(target, (expected - mean) / np.sqrt(var + 1e-5), atol=1e-4)


def test_only_the_last_layers_count():
    one, images = trial("data2vec2"), jax.random.normal(jax.random.key(0), (3, 8, 8, 1))
    last = dataclasses.replace(one.objective, top_layers=1)
    whole, some = (
        _targets(objective, one.state.objective_state["teacher"], images)
        for objective in (one.objective, last)
    )
    assert np.abs(whole - some).max() > 1e-2


def test_an_image_has_several_masks_of_equal_size():
    mask = trial("data2vec2").objective.mask(jax.random.split(jax.random.key(0), BATCH))
    assert mask.keep.shape == (2 * BATCH, 3) and mask.restore.shape == (2 * BATCH, 16)
    pairs = np.asarray(mask.masked).reshape(BATCH, 2, 16)
    assert (pairs[:, 0] != pairs[:, 1]).any()


def test_visible_tokens_are_put_back_among_noise():
    objective = trial("data2vec2").objective
    keys = jax.random.split(jax.random.key(0), 40)
    mask = objective.mask(keys)
    tokens = 5.0 + mask.keep[:, :, None] * jnp.ones((1, 1, 6))
    grid = np.asarray(objective._on_the_grid(tokens, mask.restore, keys))
    patches, hidden = np.broadcast_to(np.arange(16), (80, 16)), np.asarray(mask.masked)
    np.testing.assert_array_equal(grid[~hidden], (5.0 + patches[~hidden])[:, None].repeat(6, 1))
    assert grid[hidden].std() == pytest.approx(0.01, rel=0.05)
    assert len({row.tobytes() for row in grid[hidden]}) == hidden.sum()  # everywhere another


def test_the_gradient_is_that_of_what_is_visible_and_not_the_teachers():
    one, objective = trial("data2vec2"), build(masks=1, class_weight=0.0, mask_ratio=0.8)
    batch = one.batches[0]
    image = jnp.asarray(batch["image"], jnp.float32) / 255

    def loss(image, memory):
        return loss_of(objective, one.state.params, memory, {**batch, "image": image})[0]

    by_image, by_memory = jax.jit(jax.grad(loss, (0, 1)))(image, one.state.objective_state)
    seen = np.asarray(by_image).reshape(BATCH, 4, 2, 4, 2).any(axis=(2, 4)).sum((1, 2))
    assert (seen == 3).all()
    for leaf in jax.tree.leaves(by_memory):
        assert not np.any(leaf)


@pytest.mark.parametrize(("steps", "middle"), [(0, STEPS // 2), (4, 2)])
def test_the_momentum_rises_linearly_to_its_end(steps, middle):
    one = trial("data2vec2")
    objective = dataclasses.replace(
        one.objective, momentum=0.9, final_momentum=0.98, momentum_steps=steps
    )
    moved = jax.tree.map(lambda leaf: leaf + 1.0, one.state.params)
    for step, momentum in ((0, 0.9), (middle, 0.94), (STEPS, 0.98)):
        _, after = objective.advance(moved, one.state.objective_state, {}, step=step)
        assert set(after["teacher"]) == {"encoder"}
        change = jax.tree.map(
            lambda a, b: np.mean(a - b), after["teacher"], one.state.objective_state["teacher"]
        )
        np.testing.assert_allclose(jax.tree.leaves(change), 1 - momentum, atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"top_layers": 3}, "top_layers=3; it must be from 1 to encoder.depth=2"),
        ({"masks": 0}, "masks=0; it must be at least 1"),
        ({"mask_ratio": 0.999}, "ratio must hide some of the 16 patches"),
        ({"encoder": {**ENCODER, "pool": "mean"}}, "class_weight=2.56 needs encoder.pool='cls'"),
        ({"encoder": RESNET}, "data2vec2 masks patches"),
    ],
)
def test_what_does_not_fit_is_refused_before_the_run(changes, message):
    with pytest.raises(UserError, match=message):
        build(**changes)
