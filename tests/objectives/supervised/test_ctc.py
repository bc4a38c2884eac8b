"""CTC: times of a spectrogram's patches, examples without letters, what is refused."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.errors import UserError
from ssljax.objectives import build_objective
from ssljax.spec import LABEL
from tests.objectives.conftest import outputs_of, trial


def test_patches_of_one_time_are_averaged():
    one = trial("ctc")
    made = outputs_of(one.objective, one.state.params, one.state.objective_state, one.batches[0])
    tokens = made["tokens/audio"]
    assert tokens.shape == (16, 8, 16) and made["logits"].shape == (16, 4, 5)
    pairs = np.asarray(tokens).reshape(16, 4, 2, 16).mean(axis=2)

    @jax.jit
    def head(params, features):
        net, _ = one.objective.nets(params, one.state.objective_state, train=False)
        return net.head(features)

    np.testing.assert_allclose(made["logits"], head(one.state.params, pairs), atol=1e-5)


def test_the_loss_is_per_letter_and_examples_without_letters_count_nothing():
    one = trial("ctc")

    @jax.jit
    def value(labels):
        batch = {**one.batches[0], "label": labels.astype(jnp.int32)}
        return one.objective.value(
            one.state.params,
            one.state.objective_state,
            batch,
            key=jax.random.key(0),
            step=jnp.int32(0),
        )

    labels = np.tile([[1, 2]], (16, 1))
    whole, aux = value(labels)
    assert aux.weight == 32
    half = labels.copy()
    half[8:] = -1
    first, aux = value(half)
    assert aux.weight == 16
    other = labels.copy()
    other[:8] = -1
    np.testing.assert_allclose(whole, (first + value(other)[0]) / 2, rtol=1e-5)
    nothing, aux = value(np.full((16, 2), -1))
    assert nothing == 0 and aux.weight == 0


def test_what_needs_more_times_than_there_are_is_named():
    """Four times: aab needs a blank between the equal ones, and so do aabb and abcab."""
    objective = trial("ctc").objective
    a, b, c, none = 0, 1, 2, -1
    fits = [[a, a, b, none, none], [a, b, c, a, none], [none] * 5]
    names = ["u.wav", "v.wav", "w.wav", "x.wav", "y.wav"]
    objective.check_labels(np.array(fits), names[:3])
    long = np.array([*fits, [a, b, c, a, b], [a, a, b, b, none]])
    with pytest.raises(
        UserError, match="letters of 2 of 5 examples need more times than the 4 .* y.wav with 6"
    ):
        objective.check_labels(long, names)


def test_times_and_channels_are_hidden_in_training_alone():
    one = trial("ctc, masked")
    objective, params, state = one.objective, one.state.params, one.state.objective_state
    assert objective.continues == ("mask_token",) and "mask_token" in params
    keys = jax.random.split(jax.random.key(0), 16)
    assert np.asarray(jax.jit(objective.mask)(keys)).sum(axis=1).tolist() == [4] * 16  # of 7, half
    width = objective.run.encoder.width
    channels = np.asarray(jax.jit(objective.channel_mask)(keys))
    assert (
        channels.shape == (16, width) and (channels.sum(axis=1) == width - int(0.6 * width)).all()
    )

    def gradient(batch):
        def value(params):
            key = jax.random.key(1)
            return objective.value(params, state, batch, key=key, step=jnp.int32(0))[0]

        return jax.jit(jax.grad(value))(params)

    assert np.abs(gradient(one.batches[0])["mask_token"]["token"]).max() > 0
    moved = {**params, "mask_token": {"token": params["mask_token"]["token"] + 9}}
    outputs = jax.jit(lambda params: objective.outputs(params, state, one.batches[0]))
    jax.tree.map(np.testing.assert_array_equal, outputs(params), outputs(moved))


def test_masked_channels_are_zero_before_positions():
    """A hidden channel of all tokens is 0: whatever the map from frames gives in it."""
    one = trial("ctc, masked")
    waves = one.batches[0]["audio"][:2].astype(np.float32) / 2**15
    hidden = np.tile(np.arange(one.objective.run.encoder.width) == 3, (2, 1))

    @jax.jit
    def tokens(params):
        net, _ = one.objective.nets(params, one.state.objective_state, train=False)
        return net.encoder(waves, masked_channels=hidden).tokens, net.encoder(waves).tokens

    params = jax.tree.map(np.array, one.state.params)
    before, seen = jax.device_get(tokens(params))
    params["encoder"]["wave_embed"]["linear"]["bias"][3] += 5.0
    after, other = jax.device_get(tokens(params))
    np.testing.assert_allclose(after, before)
    assert np.abs(other - seen).max() > 1e-3


def test_masks_need_frames_of_waves():
    run = trial("ctc").objective.run
    with pytest.raises(UserError, match="ctc with mask_ratio or .*'wave_transformer'"):
        build_objective({"name": "ctc", "mask_ratio": 0.5}, run)


def test_what_does_not_fit_is_refused():
    run = trial("ctc").objective.run
    classes = dataclasses.replace(run, spec=run.spec.replace(label=LABEL.replace(classes=3)))
    with pytest.raises(UserError, match="set config.data.labels='letters'"):
        build_objective({"name": "ctc"}, classes)
    with pytest.raises(UserError, match="set objective.name='ctc'"):
        build_objective({"name": "supervised"}, run)
