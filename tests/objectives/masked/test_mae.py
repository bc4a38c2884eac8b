"""MAE: the encoder sees only what is visible, the loss only what is not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from ssljax.errors import UserError
from ssljax.models import build_encoder
from ssljax.objectives import Run, build_objective
from ssljax.spec import image_spec
from tests.objectives.cases import CASES
from tests.objectives.cases.small import RESNET
from tests.objectives.conftest import BATCH, trial

PLAIN = {"crop": {}}  # the image itself


def _build(size=8, patch=2, channels=1, **changes):
    encoder, section = CASES["mae"]
    encoder = build_encoder({**encoder, "patch_size": patch, "image_size": size})
    inputs = image_spec((size, size, channels), (0.5,) * channels, (0.25,) * channels, 100)
    run = Run(encoder, inputs, steps=10, batch_size=4)
    return build_objective(ConfigDict({**section, "views": PLAIN, **changes}), run)


def _batch(size=8, channels=1):
    images = np.random.default_rng(0).integers(0, 255, (4, size, size, channels))
    return {
        "image": jnp.asarray(images, jnp.uint8),
        "id": jnp.arange(4),
        "row": jnp.arange(4),
    }


def _loss(objective, params, batch):
    return objective.value(params, {}, batch, key=jax.random.key(1), step=0)[0]


def test_predicting_zero_of_normalised_patches():
    """Targets have unit (unbiased) variance, so zero is off by (D - 1) / D: 767/768 at 16x16x3."""
    objective = _build(size=32, patch=16, channels=3, mask_ratio=0.5)
    batch = _batch(32, 3)
    params, _ = jax.jit(objective.init_networks)(jax.random.key(0))
    params["decoder"]["output"] = jax.tree.map(jnp.zeros_like, params["decoder"]["output"])
    loss = jax.jit(lambda: _loss(objective, params, batch))()
    assert float(loss) == pytest.approx(767 / 768, abs=1e-4)


def test_hidden_pixels_do_not_reach_the_prediction():
    objective = _build(normalize_targets=False)
    batch = _batch()
    params, _ = jax.jit(objective.init_networks)(jax.random.key(0))

    image = batch["image"].astype(jnp.float32) / 255
    gradient = jax.jit(jax.grad(lambda i: _loss(objective, params, {**batch, "image": i})))(image)
    touched = gradient.reshape(4, 4, 2, 4, 2).any(axis=(2, 4)).sum(axis=(1, 2))
    assert touched.tolist() == [4, 4, 4, 4]  # of 16 patches, the visible quarter


def test_masks_differ_between_examples_and_steps():
    one = trial("mae")
    keys = jax.random.split(jax.random.key(0), BATCH)
    masked = np.asarray(one.objective.mask(keys).masked)
    assert len({row.tobytes() for row in masked}) > BATCH // 2
    assert (masked.sum(axis=1) == 12).all()


def test_a_resnet_is_refused():
    run = Run(build_encoder(RESNET), trial("mae").objective.run.spec, steps=1, batch_size=4)
    with pytest.raises(UserError, match="must be a vision transformer"):
        build_objective(ConfigDict(CASES["mae"][1]), run)


def test_a_view_that_patches_do_not_tile_is_refused():
    objective = _build()
    views = {"crop": {"size": 9, "crop_scale": (0.5, 1.0)}}
    with pytest.raises(UserError, match="must divide the 9 rows"):
        _build(views=views)
    assert objective.networks["decoder"].grid == (4, 4)
