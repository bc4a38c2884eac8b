"""TERA: the loss of predicting nothing, what counts, what is refused."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.errors import UserError
from ssljax.models import build_encoder
from ssljax.objectives import build_objective
from tests.objectives.conftest import trial


def test_predicting_zero_of_normal_cells_costs_798():
    """E|x| of a standard normal is sqrt(2 / pi)."""
    one = trial("tera")
    objective = dataclasses.replace(one.objective, noise=0.0)
    x = jax.random.normal(jax.random.key(1), (4000, 8, 8))

    class Given:
        def stacked(self, key, batch):
            return x[:, None]

    object.__setattr__(objective, "views", Given())
    params = {**one.state.params, "head": jax.tree.map(jnp.zeros_like, one.state.params["head"])}
    batch = {"row": jnp.arange(len(x))}
    value, aux = jax.jit(
        lambda params: objective.value(
            params, one.state.objective_state, batch, key=jax.random.key(0), step=jnp.int32(0)
        )
    )(params)
    np.testing.assert_allclose(value, np.sqrt(2 / np.pi), rtol=0.01)
    # Two spans of two of eight frames, and up to two of eight bands.
    assert 3 * 8 / 64 < aux.weight / x.size < 0.65


def test_the_encoder_does_not_see_what_is_masked():
    """The gradient of the loss by the input is 0 where cells are zeroed, but for the targets'."""
    one = trial("tera")
    alteration = one.objective.alteration
    x = jax.random.normal(jax.random.key(1), (64, 8, 8))
    keys = jax.random.split(jax.random.key(0), 64)
    altered, where = jax.device_get(jax.jit(alteration)(keys, x))
    reach = jax.jit(jax.grad(lambda x: jnp.sum(alteration(keys, x)[0] ** 2)))(x)
    gone = where & (altered == 0)
    assert gone.any() and not np.asarray(reach)[gone & ~altered.astype(bool)].any()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"mask_ratio": 0.0, "mask_bands": 0.0}, "mask nothing of spectrograms of 8 frames"),
        ({"mask_ratio": 0.01}, "objective.mask_ratio=0.01"),
        ({"mask_ratio": 0.9, "mask_frames": 9}, "objective.mask_frames=9: a span of 9 frames"),
    ],
)
def test_what_masks_nothing_or_too_much_is_refused(fields, message):
    with pytest.raises(UserError, match=message):
        build_objective({"name": "tera", **fields}, trial("tera").objective.run)


def test_encoders_without_patches_are_refused():
    run = trial("tera").objective.run
    other = build_encoder({"name": "audio_convolutions", "blocks": 2}, run.field)
    with pytest.raises(UserError, match="tera masks patches"):
        build_objective({"name": "tera"}, dataclasses.replace(run, encoder=other))
