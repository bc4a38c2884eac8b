"""Jigsaw: nine standardised tiles, read in the order of a permutation."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from ssljax.errors import UserError
from ssljax.objectives import build_objective
from ssljax.ops.permutations import distant_permutations
from tests.objectives.cases import CASES
from tests.objectives.conftest import BATCH, trial


def _build(**changes):
    section = {**CASES["jigsaw"][1], **changes}
    return build_objective(ConfigDict(section), trial("jigsaw").objective.run)


def _loss(objective, params):
    one = trial("jigsaw")
    key = jax.random.key(0)
    return objective.loss(params, one.state.objective_state, one.batches[0], key=key, step=0)


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

    class Network:
        def encode(self, params, stats, tiles, *, key):
            seen["tiles"] = tiles
            return jnp.broadcast_to(jnp.arange(9.0)[None, :, None], (BATCH, 9, 1)), stats

        def classify(self, params, stats, puzzles):
            seen["puzzles"] = puzzles
            return puzzles, stats

    def classification(logits, labels):
        seen["labels"] = labels
        return jnp.zeros(()), {}

    monkeypatch.setattr(type(objective), "network", Network())
    monkeypatch.setattr("ssljax.objectives.predictive.jigsaw.classification", classification)
    _loss(objective, trial("jigsaw").state.params)
    labels = np.asarray(seen["labels"]).reshape(BATCH, 2)
    order = np.asarray(seen["puzzles"])[..., 0]
    np.testing.assert_array_equal(order, distant_permutations(9, 4)[labels])
    assert (labels[:, 0] != labels[:, 1]).all() and set(labels.ravel()) == {0, 1, 2, 3}
    np.testing.assert_allclose(seen["tiles"].mean((2, 3, 4)), 0, atol=1e-5)  # standardised


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"permutations": 1}, "objective.permutations=1; it must be from 2 to 362880"),
        ({"orders": 5}, "objective.orders=5; it must be from 1 to objective.permutations=4"),
        ({"tile": 1.5}, "objective.tile=1.5; it must be above 0 and at most 1"),
        ({"jitter": -0.5}, "objective.jitter=-0.5; it must be from 0 to 1"),
        ({"tile_size": -1}, "objective.tile_size=-1; it must be at least 0"),
        ({"views": {"crop": {"count": 2}}}, r"objective.views makes 2 view\(s\)"),
    ],
)
def test_values_out_of_range_are_refused(changes, message):
    with pytest.raises(UserError, match=message):
        _build(**changes)
