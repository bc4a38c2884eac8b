"""Autoencoder, denoising autoencoder and VAE: what is reconstructed from what."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from ssljax.errors import UserError
from ssljax.losses import mse
from ssljax.models import build_encoder
from ssljax.objectives import Run, build_objective
from ssljax.objectives.generative.decoding import pixels
from ssljax.objectives.views import plain
from tests.objectives.cases import CASES
from tests.objectives.conftest import BATCH, SPEC, trial

BATCH_OF = {**trial("autoencoder").batches[0], "row": np.arange(BATCH)}

FIELD = SPEC.fields["image"]


def build(name, **changes):
    encoder, section = CASES[name]
    run = Run(build_encoder(encoder), SPEC, steps=10, batch_size=BATCH)
    whole = {"views": {"crop": {"count": 1}}}  # the image itself
    return build_objective(ConfigDict({**section, **whole, **changes}), run)


def value(objective, params, memory, key=0):
    loss = lambda p: objective.value(p, memory, BATCH_OF, key=jax.random.key(key), step=0)  # noqa: E731
    return jax.jit(loss)(params)


def without_output(params):
    """The same parameters, with a decoder that gives 0 for every pixel."""
    zero = jax.tree.map(jnp.zeros_like, params["decoder"]["output"])
    return {**params, "decoder": {**params["decoder"], "output": zero}}


def test_the_code_is_as_long_as_the_bottleneck():
    params = trial("autoencoder").state.params
    assert params["bottleneck"]["output"]["kernel"].shape[1] == 6


@pytest.mark.parametrize("name", ["autoencoder", "denoising_autoencoder"])
def test_the_target_is_the_clean_image(name):
    """A decoder that gives 0 is off by the image itself, whatever the encoder was shown."""
    one, images = trial(name), plain(BATCH_OF["image"], FIELD)
    loss, _ = value(build(name), without_output(one.state.params), one.state.objective_state)
    np.testing.assert_allclose(loss, jnp.mean(mse(jnp.zeros_like(images), images)), rtol=1e-5)


def test_what_the_denoiser_sees_is_corrupted():
    one = trial("denoising_autoencoder")
    state, losses = one.state, {}
    for level in (1e-6, 0.9):
        objective = build("denoising_autoencoder", corruption="gaussian", level=level)
        losses[level] = [
            float(value(objective, state.params, state.objective_state, k)[0]) for k in (0, 1)
        ]
    clean = float(value(build("autoencoder"), state.params, state.objective_state)[0])
    np.testing.assert_allclose(losses[1e-6], [clean, clean], rtol=1e-4)
    assert len({clean, *losses[0.9]}) == 3


def test_logits_of_zero_cost_the_vae_a_bit_for_each_pixel():
    one = trial("vae")
    params = without_output(one.state.params)
    loss, aux = value(build("vae", beta=0.0), params, one.state.objective_state)
    assert float(loss) == pytest.approx(64 * math.log(2), rel=1e-6)
    with_divergence, _ = value(build("vae", beta=4.0), params, one.state.objective_state)
    assert float(with_divergence - loss) == pytest.approx(4 * float(aux.metrics["kl"]), rel=1e-3)


def test_the_vae_reconstructs_pixels_between_0_and_1():
    found = pixels(plain(BATCH_OF["image"], FIELD), FIELD)
    np.testing.assert_allclose(found, BATCH_OF["image"] / 255, atol=1e-6)


def test_the_code_of_the_vae_is_a_sample():
    """Its gradient passes to the mean and the variance, and other noise gives another loss."""
    one, objective = trial("vae"), build("vae", beta=0.0, likelihood="gaussian")

    def loss(posterior, key):
        params = {**one.state.params, "posterior": posterior}
        return objective.value(params, one.state.objective_state, BATCH_OF, key=key, step=0)[0]

    run = jax.jit(jax.value_and_grad(loss))
    posterior = one.state.params["posterior"]
    (first, gradient), (second, _) = (run(posterior, jax.random.key(k)) for k in (0, 1))
    assert float(first) != float(second)
    for half in jnp.split(gradient["output"]["bias"], 2):
        assert np.all(half != 0)


@pytest.mark.parametrize(
    ("name", "field", "bad"),
    [
        ("autoencoder", "latent_dim", 0),
        ("autoencoder", "decoder_doublings", -1),
        ("denoising_autoencoder", "level", 0.0),
        ("denoising_autoencoder", "level", 1.0),
        ("denoising_autoencoder", "corruption", "salt"),
        ("vae", "beta", -1.0),
        ("vae", "likelihood", "normal"),
        ("vae", "decoder_width", -4),
    ],
)
def test_a_value_out_of_range_is_named(name, field, bad):
    with pytest.raises(UserError, match=f"objective.{field}.*{bad}"):
        build(name, **{field: bad})
