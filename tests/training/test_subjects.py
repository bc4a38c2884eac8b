"""What protocols see of a run: outputs by what they are, and the parts of the data."""

import jax
import numpy as np
import pytest

from ssljax.data import open_source
from ssljax.evaluation import input_features
from ssljax.evaluation.linear import stratified_split
from ssljax.evaluation.protocol import TEST_PART, TEST_SEED
from ssljax.training.config import complete
from ssljax.training.experiment import build
from ssljax.training.subjects import subjects_of
from tests.objectives.cases import config_of


@pytest.fixture(scope="module")
def digits():
    return open_source("sklearn:digits", split="test")


def _subjects(case, train, test):
    experiment = build(complete(config_of(case)))
    state = experiment.init()
    if experiment.objective.teacher:  # the teacher of a run differs from its student
        params = jax.tree.map(lambda leaf: 1.1 * leaf, state.params)
        state = state.replace(params=params)
    return subjects_of(experiment, state, train, test, raw=lambda batch: input_features(batch))


@pytest.mark.parametrize("case", ["i_jepa"])
def test_tokens_and_layers_are_of_the_network_that_is_evaluated(digits, case):
    pretrained, _, raw = _subjects(case, digits, digits)
    pooled, tokens = pretrained.features("test"), pretrained.features("test", "tokens")
    layers = pretrained.features("test", "layers").features
    mean = tokens.features.mean(axis=1)
    np.testing.assert_allclose(layers[:, -1, 1], mean, atol=1e-5)
    if "cls" in pretrained.outputs:
        on_class = pretrained.features("test", "cls").features
        np.testing.assert_allclose(layers[:, -1, 0], on_class, atol=1e-6)
    np.testing.assert_allclose(pooled.features, mean, atol=1e-5)  # encoders of pool="mean"
    patches = raw.features("test", "tokens").features
    assert patches.shape[:2] == tokens.features.shape[:2]


def test_without_a_test_split_a_part_of_train_is_held_out(digits):
    *_, raw = _subjects("simclr", digits, None)
    labels = np.array([digits[i]["label"] for i in range(len(digits))])
    kept, held = stratified_split(labels, TEST_PART, TEST_SEED)
    assert raw.examples.counts == {"train": len(kept), "test": len(held)}
    np.testing.assert_array_equal(raw.examples.targets("test"), labels[held])
    found = raw.features("test")
    np.testing.assert_array_equal(found.labels, labels[held])
    expected = np.stack([np.asarray(digits[i]["image"]).ravel() / 255 for i in held])
    np.testing.assert_allclose(found.features, expected, atol=1e-6)
    order = np.array([7, 0, 7])
    ((rows, batch),) = raw.encoded("test", order=order, batch_size=8)
    np.testing.assert_array_equal(batch["id"][batch["valid"]], order)
    np.testing.assert_array_equal(batch["label"][batch["valid"]], labels[held[order]])
    np.testing.assert_allclose(np.asarray(rows)[:3], expected[order], atol=1e-6)
