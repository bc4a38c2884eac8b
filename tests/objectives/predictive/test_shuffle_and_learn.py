"""Shuffle and Learn: which frames are shown, and what is in order."""

import math

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict

from ssljax.errors import UserError
from ssljax.models import build_encoder
from ssljax.objectives import Run, build_objective
from ssljax.spec import Field, Spec
from tests.objectives.cases import CASES
from tests.objectives.conftest import trial


def objective_of(length, **fields):
    field = Field("video", (length, 8, 8, 1), "uint8", mean=(0.0,), std=(1.0,))
    encoder, section = CASES["shuffle_and_learn"]
    run = Run(build_encoder(encoder, field), Spec({"video": field}, 9), steps=10, batch_size=4)
    return build_objective(ConfigDict({**section, "views": {"crop": {}}, **fields}), run)


def test_triples_are_those_of_the_paper():
    """The ends are the same in and out of order; the middle is inside, or as far outside."""
    objective = objective_of(13, span=4, margin=3)
    places, labels = map(
        np.asarray, jax.jit(jax.vmap(objective.triple))(jax.random.split(jax.random.key(0), 4000))
    )
    backwards = places[:, 0] > places[:, 2]
    assert 0.47 < backwards.mean() < 0.53
    first, middle, last = np.where(backwards[:, None], places[:, ::-1], places).T
    assert np.all(last - first == 4) and set(first) == {3, 4, 5}
    inside = (first < middle) & (middle < last)
    np.testing.assert_array_equal(inside, labels == 1)
    early, late = middle <= first - 3, middle >= last + 3
    assert np.all(inside | early | late) and middle.min() == 0 and middle.max() == 12
    assert 0.23 < labels.mean() < 0.27
    assert 0.46 < early[~inside].mean() < 0.54


def test_an_encoder_that_tells_nothing_has_the_loss_log_two():
    one = trial("shuffle_and_learn")
    params = dict(one.state.params)
    params["classifier"] = jax.tree.map(np.zeros_like, params["classifier"])
    key = jax.random.key(0)
    loss, aux = jax.jit(one.objective.value)(
        params, one.state.objective_state, one.batches[0], key=key, step=0
    )
    assert float(loss) == pytest.approx(math.log(2), rel=1e-6)
    assert 0 <= float(aux.metrics["accuracy"]) <= 1


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"span": 5, "margin": 2}, "need 10 frames, and the clips have 9; set .*length=10 or more"),
        ({"span": 1}, "span=1 leaves no frame between"),
        ({"positives": 1.0}, "positives"),
        ({"views": {"crop": {"count": 2}}}, "takes 1"),
    ],
)
def test_what_cannot_be(fields, why):
    with pytest.raises(UserError, match=why):
        objective_of(9, **fields)
