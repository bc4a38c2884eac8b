"""MultiMAE: what is visible of all inputs is seen together, and only what is hidden is scored."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from ssljax.errors import UserError
from ssljax.losses import masked_l1, masked_mse, normalize_patches
from ssljax.models import build_encoder
from ssljax.objectives import Run, build_objective
from ssljax.ops.edges import edges
from ssljax.ops.keys import per_example
from ssljax.ops.patches import patchify
from tests.objectives.cases import CASES
from tests.objectives.conftest import BATCH, SPEC, trial


def _build(encoder=None, **changes):
    own, section = CASES["multimae"]
    run = Run(build_encoder({**own, **(encoder or {})}), SPEC, steps=10, batch_size=BATCH)
    return build_objective(ConfigDict({**section, "views": {"crop": {}}, **changes}), run)


def test_the_loss_is_that_of_hidden_patches_of_each_input():
    """Decoders that predict 0 leave the targets: their squares, and their absolute values."""
    objective = _build(edges_weight=0.5)
    params, _ = jax.jit(objective.init_networks)(jax.random.key(0))
    for name in ("decoder", "edges_decoder"):
        params[name]["output"] = jax.tree.map(np.zeros_like, params[name]["output"])
    batch = {**trial("multimae").batches[0], "row": np.arange(BATCH)}
    key = jax.random.key(3)
    loss, aux = jax.jit(lambda: objective.value(params, {}, batch, key=key, step=0))()

    @jax.jit
    def of_zeros():
        x = objective.views.stacked(key, batch)[:, 0]
        mask = objective.mask(per_example(jax.random.split(key)[1], batch["row"]))
        hidden = jnp.split(mask.masked, 2, axis=1)
        assert mask.keep.shape == (BATCH, 8)  # a quarter of 2 x 16
        pixels = normalize_patches(patchify(x, patch=(2, 2)))
        strength = patchify(edges(x), patch=(2, 2))
        image = masked_mse(jnp.zeros_like(pixels), pixels, where=hidden[0]).mean()
        return image, masked_l1(jnp.zeros_like(strength), strength, where=hidden[1]).mean()

    image, edge = jax.device_get(of_zeros())
    np.testing.assert_allclose(aux.metrics["loss/image"], image, rtol=1e-5)
    np.testing.assert_allclose(aux.metrics["loss/edges"], edge, rtol=1e-5)
    np.testing.assert_allclose(loss, image + 0.5 * edge, rtol=1e-5)


def test_what_is_hidden_of_both_inputs_reaches_no_prediction():
    objective = _build()
    params, _ = jax.jit(objective.init_networks)(jax.random.key(0))
    mask = objective.mask(jax.random.split(jax.random.key(4), BATCH))
    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=(BATCH, 8, 8, 1)).astype(np.float32) for _ in range(2)]

    @jax.jit
    def touched(inputs):
        def total(inputs, number):
            net, _ = objective.nets(params, {"stats": {}})
            return jnp.sum(objective._predicted(net, *inputs, mask)[number] ** 2)

        return [jax.grad(total)(inputs, number) for number in (0, 1)]

    for gradients in jax.device_get(touched(inputs)):  # of both decoders, of images and of edges
        patches = [patchify(one, patch=(2, 2)).any(axis=-1) for one in gradients]
        reached = np.concatenate(patches, axis=1)
        np.testing.assert_array_equal(reached, ~np.asarray(mask.masked))


def test_images_alone_are_evaluated():
    one = trial("multimae")
    state = one.state
    images = {"image": one.batches[0]["image"], "id": one.batches[0]["id"]}
    found = jax.eval_shape(one.objective.outputs, state.params, state.objective_state, images)
    assert set(found) == {"image", "tokens/image"} and found["tokens/image"].shape[1] == 16


@pytest.mark.parametrize(
    ("encoder", "changes", "said"),
    [
        ({"positions": "rotary"}, {}, "needs encoder.positions='sincos' or 'learned'"),
        ({"grad_cache": 2}, {}, "grad_cache=1"),
        ({}, {"decoder_heads": 3}, "decoder_heads=3 must divide"),
        ({}, {"visible": 0.5}, "visible=0.5 shows 16 patches, as many as the 16 of an input"),
        ({}, {"concentration": 0.0}, "concentration=0.0"),
    ],
)
def test_what_does_not_fit_is_named(encoder, changes, said):
    with pytest.raises(UserError, match=said):
        _build(encoder, **changes)
