"""CTC: times of a spectrogram's patches, examples without letters, what is refused."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.errors import UserError
from ssljax.objectives import build_objective
from ssljax.spec import LABEL
from tests.objectives.conftest import trial


def test_patches_of_one_time_are_averaged():
    one = trial("ctc")
    net, _ = one.objective.nets(one.state.params, one.state.objective_state, train=False)
    made = one.objective.outputs(one.state.params, one.state.objective_state, one.batches[0])
    tokens = made["tokens/audio"]
    assert tokens.shape == (16, 8, 16) and made["logits"].shape == (16, 4, 5)
    pairs = np.asarray(tokens).reshape(16, 4, 2, 16).mean(axis=2)
    np.testing.assert_allclose(made["logits"], net.head(jnp.asarray(pairs)), atol=1e-5)


def test_the_loss_is_per_letter_and_examples_without_letters_count_nothing():
    one = trial("ctc")

    def value(labels):
        batch = {**one.batches[0], "label": np.asarray(labels, np.int32)}
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
    assert np.asarray(objective.mask(keys)).sum(axis=1).tolist() == [4] * 16  # of 7, half
    width = objective.run.encoder.width
    channels = np.asarray(objective.channel_mask(keys))
    assert (
        channels.shape == (16, width) and (channels.sum(axis=1) == width - int(0.6 * width)).all()
    )

    def gradient(batch):
        def value(params):
            key = jax.random.key(1)
            return objective.value(params, state, batch, key=key, step=jnp.int32(0))[0]

        return jax.grad(value)(params)

    assert np.abs(gradient(one.batches[0])["mask_token"]["token"]).max() > 0
    moved = {**params, "mask_token": {"token": params["mask_token"]["token"] + 9}}
    for name, made in objective.outputs(params, state, one.batches[0]).items():
        np.testing.assert_array_equal(made, objective.outputs(moved, state, one.batches[0])[name])


def test_masked_channels_are_zero_before_positions():
    """A hidden channel of all tokens is 0: whatever the map from frames gives in it."""
    one = trial("ctc, masked")
    net, _ = one.objective.nets(one.state.params, one.state.objective_state, train=False)
    waves = jnp.asarray(one.batches[0]["audio"][:2], jnp.float32) / 2**15
    hidden = jnp.zeros((2, one.objective.run.encoder.width), bool).at[:, 3].set(True)
    before = net.encoder(waves, masked_channels=hidden).tokens
    params = jax.tree.map(jnp.asarray, one.state.params)
    linear = params["encoder"]["wave_embed"]["linear"]
    linear["bias"] = linear["bias"].at[3].add(5.0)
    other, _ = one.objective.nets(params, one.state.objective_state, train=False)
    np.testing.assert_allclose(other.encoder(waves, masked_channels=hidden).tokens, before)
    assert np.abs(other.encoder(waves).tokens - net.encoder(waves).tokens).max() > 1e-3


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
