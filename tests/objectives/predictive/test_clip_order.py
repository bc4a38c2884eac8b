"""Clip order: the parts of a clip, their permutations, and what cannot be."""

import itertools
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
from ssljax.spec import Field, Spec
from tests.objectives.cases import CASES
from tests.objectives.conftest import SPECS, make_batch, started


def objective_of(length, **fields):
    field = Field("video", (length, 8, 8, 1), "uint8", mean=(0.0,), std=(1.0,))
    encoder = build_encoder({**CASES["clip_order"][0], "tubelet": 1}, field)
    run = Run(encoder, Spec({"video": field}, 100), steps=10, batch_size=16)
    section = {"name": "clip_order", "views": {"crop": {}}, **fields}
    return build_objective(ConfigDict(section), run)


@pytest.mark.parametrize(("directed", "orders"), [(True, 24), (False, 12)])
def test_an_encoder_that_tells_nothing_has_the_loss_of_chance(directed, orders):
    objective = objective_of(4, parts=4, frames=1, gap=0, directed=directed, pair_dim=4)
    params, state = started(objective)
    params["classifier"] = jax.tree.map(np.zeros_like, params["classifier"])
    batch = make_batch(0, SPECS["video"])
    loss, _ = jax.jit(objective.value)(params, state, batch, key=jax.random.key(0), step=0)
    assert float(loss) == pytest.approx(math.log(orders), rel=1e-6)


@pytest.mark.parametrize("directed", [True, False])
def test_classes_number_the_orders(directed):
    objective = objective_of(4, parts=4, frames=1, gap=0, directed=directed)
    orders, classes = objective.orders
    assert len(set(map(tuple, orders))) == 24
    assert sorted(set(classes)) == list(range(24 if directed else 12))
    number = {tuple(order): int(one) for order, one in zip(orders, classes, strict=True)}
    for one, other in itertools.combinations(number, 2):
        same = not directed and other == one[::-1]
        assert (number[one] == number[other]) == same


def test_the_network_sees_the_parts_in_the_order_that_it_is_asked_for(monkeypatch):
    """Three parts of two frames with one frame between: of frames 0 to 7, 0-1, 3-4 and 6-7."""
    objective, seen = objective_of(8, parts=3, frames=2, gap=1), {}

    def classification(logits, labels):
        seen["labels"] = np.asarray(labels)
        return Loss(jnp.zeros(()))

    def encoder(parts):
        seen["parts"] = np.round(np.asarray(parts).mean(axis=(2, 3, 4)) * 255).astype(int)
        return Encoded(parts[:, 0, 0, 0], parts)

    monkeypatch.setattr("ssljax.objectives.predictive.clip_order.classification", classification)
    net = SimpleNamespace(encoder=encoder, pair=lambda pairs: pairs, classifier=lambda h: h)
    numbers = np.arange(8, dtype=np.uint8)[:, None, None, None]
    video = np.broadcast_to(numbers, (60, 8, 8, 8, 1))
    batch = {"video": jnp.asarray(video), "row": jnp.arange(60)}
    objective.loss(net, None, batch, key=jax.random.key(0), step=0)
    orders, classes = objective.orders
    laid = seen["parts"].reshape(60, 3, 2)
    assert np.all(laid[..., 1] - laid[..., 0] == 1)
    for own, label in zip(laid[..., 0], seen["labels"], strict=True):
        (order,) = orders[classes == label]
        assert own.tolist() == [(0, 3, 6)[part] for part in order]
    assert set(seen["labels"]) == set(range(6))  # every order is drawn


def test_pairs_are_of_all_parts_in_their_order():
    objective = objective_of(3, parts=3, frames=1, gap=0)
    seen = []

    def pair(pairs):
        seen.append(np.asarray(pairs))
        return pairs

    encoder = lambda parts: Encoded(parts[:, 0, 0, 0], parts)  # noqa: E731
    net = SimpleNamespace(encoder=encoder, pair=pair, classifier=lambda h: h)
    parts = jnp.arange(6.0).reshape(2, 3, 1, 1, 1, 1)
    logits = objective.logits(net, parts)
    assert seen[0].tolist() == [[0, 1], [0, 2], [1, 2], [3, 4], [3, 5], [4, 5]]
    assert logits.tolist() == [[0, 1, 0, 2, 1, 2], [3, 4, 3, 5, 4, 5]]


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        (
            {"parts": 3, "frames": 2, "gap": 2},
            "are 10 frames, .* have 8; set config.data.length=10",
        ),
        ({"parts": 2, "frames": 4, "gap": 0, "directed": False}, "one class"),
        ({"parts": 7}, "parts"),
        ({"parts": 2, "frames": 4, "gap": 0, "views": {"crop": {"count": 2}}}, "takes 1"),
    ],
)
def test_what_cannot_be(fields, why):
    with pytest.raises(UserError, match=why):
        objective_of(8, **fields)
