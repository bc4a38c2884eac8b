"""SimMIM: hidden squares show nothing but the mask token, and count alone in the loss."""

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
from tests.objectives.conftest import SPEC, trial

ENCODER, SECTION = CASES["simmim"]


def build(encoder=ENCODER, **changes):
    run = Run(build_encoder(encoder), SPEC, steps=10, batch_size=4)
    return build_objective(ConfigDict({**SECTION, "views": {"crop": {}}, **changes}), run)


def batch():
    images = jnp.asarray(np.random.default_rng(0).random((4, 8, 8, 1)), jnp.float32)
    return {"image": images, "id": np.arange(4), "row": np.arange(4)}


IMAGE = SPEC.fields["image"]


def loss_of(objective, params, batch):
    return objective.value(params, {}, batch, key=jax.random.key(1), step=0)[0]


def test_squares_of_pixels_are_hidden():
    masked = np.asarray(trial("simmim").objective.mask(jax.random.split(jax.random.key(0), 9)))
    squares = masked.reshape(9, 2, 2, 2, 2)  # of 4 pixels: 2 by 2 patches of 2 pixels
    assert (squares == squares[:, :, :1, :, :1]).all()
    assert (masked.sum(1) == 12).all()  # 3 of 4 squares: the ceiling of 0.6 * 4
    assert len({row.tobytes() for row in masked}) > 1


def test_predicting_the_mean_costs_the_mean_absolute_pixel_of_the_hidden_squares():
    objective, images = build(), batch()
    params, _ = jax.jit(objective.init_networks)(jax.random.key(0))
    params["head"] = jax.tree.map(jnp.zeros_like, params["head"])

    def slope(image):
        return loss_of(objective, params, {**images, "image": image})

    loss, gradient = jax.jit(jax.value_and_grad(slope))(images["image"])
    # A target has no gradient, and a head of zeros gives none to the input.
    assert not np.any(gradient)
    pixels = np.abs(np.asarray(images["image"]) - IMAGE.mean) / IMAGE.std
    squares = pixels.reshape(4, 2, 4, 2, 4).mean((2, 4)).reshape(4, 4)
    # One square of each image is visible; the loss tells which.
    means = [(row.sum() - row) / 3 for row in squares]
    possible = np.stack(np.meshgrid(*means), axis=-1).mean(-1)
    assert np.abs(possible - float(loss)).min() < 1e-6


def test_hidden_pixels_do_not_reach_the_prediction():
    objective, images = build(), batch()
    params, _ = jax.jit(objective.init_networks)(jax.random.key(0))
    slope = jax.jit(jax.grad(lambda i: loss_of(objective, params, {**images, "image": i})))
    touched = np.asarray(slope(images["image"])).reshape(4, 2, 4, 2, 4).any(axis=(2, 4))
    assert touched.sum((1, 2)).tolist() == [1, 1, 1, 1]  # the visible square of four


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mask_unit": 3}, "mask_unit=3; it must be a multiple of encoder.patch_size=2"),
        ({"mask_unit": 6}, "unit must divide the grid \\(4, 4\\) of patches, got 3"),
        ({"mask_ratio": 0.9}, "ratio must hide some of the 4 units and leave some, got 0.9"),
        ({"encoder": RESNET}, "simmim masks patches: config.encoder must be a vision transformer"),
        ({"views": {"crop": {"size": 9}}}, "encoder.patch_size=2 must divide the 9 rows"),
    ],
)
def test_what_does_not_fit_is_refused_before_the_run(changes, message):
    with pytest.raises(UserError, match=message):
        build(**changes)
