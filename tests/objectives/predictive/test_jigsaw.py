"""Jigsaw: nine standardised tiles, read in the order of a permutation."""

import math
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from ssljax.errors import UserError
from ssljax.models import Encoded
from ssljax.objectives import Loss, build_objective
from ssljax.ops.permutations import distant_permutations
from tests.objectives.cases import CASES
from tests.objectives.conftest import BATCH, trial


def _build(**changes):
    section = {**CASES["jigsaw"][1], **changes}
    return build_objective(ConfigDict(section), trial("jigsaw").objective.run)


def _loss(objective, params):
    one = trial("jigsaw")
    key = jax.random.key(0)
    return objective.value(params, one.state.objective_state, one.batches[0], key=key, step=0)


def test_an_encoder_that_tells_nothing_has_loss_log_p():
    one = trial("jigsaw")
    output = jax.tree.map(jnp.zeros_like, one.state.params["classifier"]["output"])
    params = {
        **one.state.params,
        "classifier": {**one.state.params["classifier"], "output": output},
    }
    loss, _ = jax.jit(lambda p: _loss(one.objective, p))(params)
    assert float(loss) == pytest.approx(math.log(4), rel=1e-6)


def test_the_classifier_reads_the_tiles_in_the_order_of_the_label(monkeypatch):
    objective, seen = _build(), {}

    def encoder(tiles):
        seen["tiles"] = tiles
        return Encoded(jnp.tile(jnp.arange(9.0), BATCH)[:, None], tiles)

    def classification(logits, labels):
        seen.update(puzzles=logits, labels=labels)
        return Loss(jnp.zeros(()))

    monkeypatch.setattr("ssljax.objectives.predictive.tiles.classification", classification)
    net = SimpleNamespace(encoder=encoder, projector=lambda z: z, classifier=lambda z: z)
    batch = trial("jigsaw").batches[0]
    objective.loss(net, None, batch, key=jax.random.key(0), step=0)
    labels = np.asarray(seen["labels"]).reshape(BATCH, 2)
    order = np.asarray(seen["puzzles"]).reshape(BATCH, 2, 9)
    np.testing.assert_array_equal(order, distant_permutations(9, 4)[labels])
    assert (labels[:, 0] != labels[:, 1]).all() and set(labels.ravel()) == {0, 1, 2, 3}
    np.testing.assert_allclose(seen["tiles"].mean((1, 2, 3)), 0, atol=1e-5)  # standardised


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"permutations": 1}, "objective.permutations=1; it must be between 2 and 362,880"),
        ({"orders": 5}, "objective.orders=5; it must be at most objective.permutations=4"),
        ({"tile": 1.5}, "objective.tile=1.5; it must be above 0 and at most 1"),
        ({"jitter": -0.5}, "objective.jitter=-0.5; it must be between 0 and 1"),
        ({"tile_size": -1}, "objective.tile_size=-1; it must be at least 0"),
        ({"views": {"crop": {"count": 2}}}, r"objective.views makes 2 view\(s\)"),
    ],
)
def test_values_out_of_range_are_refused(changes, message):
    with pytest.raises(UserError, match=message):
        _build(**changes)
