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


def test_what_does_not_fit_is_refused():
    run = trial("ctc").objective.run
    classes = dataclasses.replace(run, spec=run.spec.replace(label=LABEL.replace(classes=3)))
    with pytest.raises(UserError, match="set config.data.labels='letters'"):
        build_objective({"name": "ctc"}, classes)
    label = run.spec.fields["label"].replace(shape=(5,))
    long = dataclasses.replace(run, spec=run.spec.replace(label=label))
    with pytest.raises(UserError, match="words of 5 letters need as many times, .* makes 4"):
        build_objective({"name": "ctc"}, long)
    with pytest.raises(UserError, match="set objective.name='ctc'"):
        build_objective({"name": "supervised"}, run)
