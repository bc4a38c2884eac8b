"""Relative location: the middle tile and another, which of eight?"""

import math
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from ssljax.errors import UserError
from ssljax.models import Encoded, build_encoder
from ssljax.objectives import Loss, Run, build_objective
from ssljax.spec import image_spec
from tests.objectives.cases import CASES
from tests.objectives.conftest import BATCH, trial

AROUND = [0, 1, 2, 3, 5, 6, 7, 8]  # places in reading order, without the middle


def _build(channels=1, **changes):
    encoder, section = CASES["relative_location"]
    spec = image_spec((8, 8, channels), (0.5,) * channels, (0.25,) * channels, 48)
    run = Run(build_encoder(encoder), spec, steps=10, batch_size=BATCH)
    return build_objective(ConfigDict({**section, **changes}), run)


def _net(seen):
    """Return networks that tell what they see, and whose features are the means of tiles."""

    def encoder(tiles):
        seen["tiles"] = tiles
        return Encoded(tiles.mean((1, 2)), tiles)

    return SimpleNamespace(encoder=encoder, projector=lambda z: z, classifier=lambda z: z)


def test_an_encoder_that_tells_nothing_has_loss_log_8():
    one = trial("relative_location")
    output = jax.tree.map(jnp.zeros_like, one.state.params["classifier"]["output"])
    params = {
        **one.state.params,
        "classifier": {**one.state.params["classifier"], "output": output},
    }
    loss, aux = jax.jit(one.objective.value)(
        params, one.state.objective_state, one.batches[0], key=jax.random.key(0), step=0
    )
    assert float(loss) == pytest.approx(math.log(8), rel=1e-6)
    assert float(aux.metrics["accuracy"]) == pytest.approx(1 / 8)


@pytest.mark.parametrize("neighbours", [1, 8])
def test_pairs_are_the_middle_and_the_tile_that_the_label_names(monkeypatch, neighbours):
    """Images whose every pixel has its own value show where a tile was cut."""
    objective, seen = _build(neighbours=neighbours, views={"crop": {"size": 0}}, tile=0.5), {}

    def classification(logits, labels):
        seen.update(pairs=logits, labels=labels)
        return Loss(jnp.zeros(()))

    monkeypatch.setattr("ssljax.objectives.predictive.tiles.classification", classification)
    pixels = np.broadcast_to(np.arange(64, dtype=np.uint8).reshape(8, 8, 1), (BATCH, 8, 8, 1))
    batch = {"image": pixels, "id": np.arange(BATCH), "row": np.arange(BATCH)}
    objective.loss(_net(seen), None, batch, key=jax.random.key(0), step=0)
    pairs = np.asarray(seen["pairs"]).reshape(BATCH, neighbours, 2)
    number = np.rint((pairs * 0.25 + 0.5) * 255).astype(int)
    cell = number // 8 // 2 * 3 + number % 8 // 2
    labels = np.asarray(seen["labels"]).reshape(BATCH, neighbours)
    assert (cell[..., 0] == 4).all()
    np.testing.assert_array_equal(cell[..., 1], np.array(AROUND)[labels])
    assert set(labels.ravel()) <= set(range(8)) and len(set(labels.ravel())) > 4
    assert all(len(set(row)) == neighbours for row in labels)


@pytest.mark.parametrize("color", ["drop", "project"])
def test_colours_are_changed_before_the_encoder(monkeypatch, color):
    objective, seen = _build(channels=3, color=color), {}

    monkeypatch.setattr(
        "ssljax.objectives.predictive.tiles.classification", lambda *_: Loss(jnp.zeros(()))
    )
    images = np.random.default_rng(0).integers(0, 255, (BATCH, 8, 8, 3)).astype(np.uint8)
    batch = {"image": images, "id": np.arange(BATCH), "row": np.arange(BATCH)}
    objective.loss(_net(seen), None, batch, key=jax.random.key(0), step=0)
    tiles = np.asarray(seen["tiles"])
    if color == "project":
        np.testing.assert_allclose(tiles @ np.array([-1, 2, -1]), 0, atol=1e-5)
    else:
        deviations = np.sort(tiles.std(axis=(1, 2)), axis=-1)
        assert (deviations[..., 1] < 0.1 * deviations[..., 2]).all()


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"color": "drop"}, "objective.color='drop' needs images with 3 channels, these have 1"),
        ({"color": "drpo"}, "did you mean 'drop'"),
        ({"neighbours": 9}, "objective.neighbours=9; it must be between 1 and 8"),
        ({"tile": 0.0}, "objective.tile=0.0; it must be above 0"),
    ],
)
def test_values_out_of_range_are_refused(changes, message):
    with pytest.raises(UserError, match=message):
        _build(**changes)
