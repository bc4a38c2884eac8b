"""Rotation: four exact turns of every image, in one batch."""

import math
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from ssljax.models import Encoded
from ssljax.objectives import Loss, build_objective
from ssljax.objectives.views import plain
from tests.objectives.cases import CASES
from tests.objectives.conftest import BATCH, trial


def _loss(objective, params, batch):
    one = trial("rotation")
    return objective.value(params, one.state.objective_state, batch, key=jax.random.key(0), step=0)


def test_an_encoder_that_tells_nothing_has_loss_log_4():
    one = trial("rotation")
    output = jax.tree.map(jnp.zeros_like, one.state.params["classifier"]["output"])
    params = {
        **one.state.params,
        "classifier": {**one.state.params["classifier"], "output": output},
    }
    loss, aux = jax.jit(lambda p: _loss(one.objective, p, one.batches[0]))(params)
    assert float(loss) == pytest.approx(math.log(4), rel=1e-6)
    assert float(aux.metrics["accuracy"]) == pytest.approx(0.25)


def test_the_network_sees_every_image_in_all_four_turns(monkeypatch):
    """In the same batch, the turns of an image beside each other, labelled by the turn."""
    one, seen = trial("rotation"), {}
    section = {**CASES["rotation"][1], "views": {"crop": {}}}  # the images themselves
    objective = build_objective(ConfigDict(section), one.objective.run)

    def classification(logits, labels):
        seen["labels"] = labels
        return Loss(jnp.zeros(()))

    def encoder(images):
        seen["images"] = images
        return Encoded(images, images)

    monkeypatch.setattr("ssljax.objectives.predictive.rotation.classification", classification)
    net = SimpleNamespace(encoder=encoder, classifier=lambda features: features)
    objective.loss(net, None, one.batches[0], key=jax.random.key(0), step=0)
    images = np.asarray(plain(one.batches[0]["image"], objective.run.field))
    turned = np.asarray(seen["images"]).reshape(BATCH, 4, 8, 8, 1)
    labels = np.asarray(seen["labels"]).reshape(BATCH, 4)
    for k in range(4):
        np.testing.assert_array_equal(labels[:, k], k)
        np.testing.assert_allclose(turned[:, k], np.rot90(images, k, axes=(1, 2)), atol=1e-6)
