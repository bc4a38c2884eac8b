"""What augmentation on the device costs beside the network: XLA's count of operations and bytes."""

import functools

import jax
import jax.numpy as jnp
import pytest
from ml_collections import ConfigDict

from ssljax.models import build_encoder
from ssljax.objectives import Run, build_objective
from ssljax.objectives.presets import PRESETS
from ssljax.spec import image_spec
from ssljax.training.optimizer import build_optimizer
from ssljax.training.step import init_state, make_train_step

BATCH = 4
SPEC = image_spec((256, 256, 3), mean=(0.5,) * 3, std=(0.25,) * 3, num_examples=1000)
# Shipped at 256 pixels, views of 224, as on ImageNet; the operations are each paper's.
DEAREST = {"size": 224, "interpolation": "bicubic", "jitter": "simclr_v1", "blur": "pillow"}
VIEWS = {
    "simclr": {"crop": {"count": 2, "size": 224}},
    "byol": {"view1": DEAREST, "view2": DEAREST},
}


def _objective(name: str, section: dict):
    # In a scan, XLA counts the body once: not in the encoder, then.
    encoder = build_encoder({"name": "vit_s", "scan": False})
    run = Run(encoder, SPEC, steps=10, batch_size=BATCH)
    groups = PRESETS[build_objective(ConfigDict({"name": name}), run).views.groups]
    views = {group: {**groups[group], **fields} for group, fields in section.items()}
    return build_objective(ConfigDict({"name": name, "views": views}), run)


def _batch():
    ids = jnp.zeros(BATCH, jnp.int32)
    return {
        "image": jnp.zeros((BATCH, *SPEC.fields["image"].shape), jnp.uint8),
        "id": ids,
        "row": ids,
    }


def _cost(function, *args) -> tuple[float, float]:
    """Return (operations, bytes read and written) per example."""
    cost = jax.jit(function).lower(*args).cost_analysis()
    return cost["flops"] / BATCH, cost["bytes accessed"] / BATCH


@functools.cache
def _step_cost() -> tuple[float, float]:
    objective, batch = _objective("simclr", VIEWS["simclr"]), jax.eval_shape(_batch)
    params, _ = jax.eval_shape(objective.init_networks, jax.random.key(0))
    optimizer = build_optimizer({}, steps=10, batch_size=BATCH, params=params).transform
    state = jax.eval_shape(lambda: init_state(objective, optimizer, seed=0))
    return _cost(make_train_step(objective, optimizer, seed=0), state, batch)


def test_the_step_is_counted_in_full():
    # Two views, forward and backward of 4.6 G multiply-adds each (Touvron et al., 2020, table 1).
    assert _step_cost()[0] == pytest.approx(2 * 3 * 2 * 4.6e9, rel=0.05)


@pytest.mark.parametrize("name", VIEWS)
def test_augmentation_costs_less_than_a_quarter_of_the_step(name):
    objective = _objective(name, VIEWS[name])
    flops, moved = _cost(
        lambda *args: objective.views(*args), jax.random.key(0), jax.eval_shape(_batch)
    )
    step_flops, step_moved = _step_cost()
    assert 0.001 < flops / step_flops < 0.25
    assert 0.001 < moved / step_moved < 0.25
