"""Colorization: lightness in, colours out."""

import dataclasses
import functools
import math
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from ssljax.errors import UserError
from ssljax.models import Encoded
from ssljax.objectives import build_objective
from ssljax.ops.color_space import gamut_bins
from tests.objectives.cases import CASES
from tests.objectives.conftest import SPEC, trial

PLAIN = {"views": {"crop": {}}}  # the images themselves


def _build(**changes):
    section = {**CASES["colorization"][1], **changes}
    return build_objective(ConfigDict(section), trial("colorization").objective.run)


def _blank(params):
    """Return parameters under which all logits are zero."""
    output = jax.tree.map(np.zeros_like, params["classifier"]["output"])
    return {**params, "classifier": {**params["classifier"], "output": output}}


def _loss(objective, params, memory, batch):
    return objective.value(params, memory, batch, key=jax.random.key(0), step=0)


def test_equal_logits_have_loss_log_q():
    one, objective = trial("colorization"), _build(rare_mix=1.0)
    params = _blank(one.state.params)
    loss, _ = jax.jit(lambda p: _loss(objective, p, one.state.objective_state, one.batches[0]))(
        params
    )
    assert float(loss) == pytest.approx(math.log(len(gamut_bins(20))), rel=1e-5)


def test_the_encoder_sees_no_colour():
    one, objective, seen = trial("colorization"), _build(**PLAIN), []

    def encoder(images):
        seen.append(np.asarray(images))
        return Encoded(images, jnp.zeros((len(images), 16, 1)))

    net = SimpleNamespace(
        encoder=encoder,
        classifier=lambda tokens: jnp.zeros((len(tokens), 4 * len(gamut_bins(20)))),
        state=one.state.objective_state,
    )
    image = one.batches[0]["image"]
    for batch in (image, image[..., ::-1]):
        batch = {**one.batches[0], "image": batch}
        objective.loss(net, None, batch, key=jax.random.key(0), step=0)
    first, second = seen
    assert (first[..., :1] == first).all()  # one lightness, three times
    assert np.abs(first - second).max() > 0.1  # red and blue are not equally light


def test_cells_get_the_colour_at_their_place():
    objective = _build(**PLAIN)
    cells = objective._cells(jnp.arange(128.0).reshape(1, 8, 8, 2), 16)
    expected = jnp.arange(128.0).reshape(4, 2, 4, 2, 2).mean((1, 3)).reshape(1, 16, 2)
    assert np.abs(cells - expected)[0, [5, 6, 9, 10]].max() < 1e-3  # the inner ones
    pixels = objective._cells(jnp.arange(128.0).reshape(1, 8, 8, 2), 64)
    np.testing.assert_allclose(pixels, jnp.arange(128.0).reshape(1, 64, 2), atol=1e-4)


def test_each_token_tells_the_cells_at_its_place():
    """Logits that are the tokens' own numbers come out in the order of the pixels."""
    one, objective = trial("colorization"), _build(**PLAIN)
    count = len(gamut_bins(20))
    params = one.state.params
    kernel = np.zeros_like(params["classifier"]["output"]["kernel"])
    bias = np.repeat(np.arange(4, dtype=np.float32), count)  # of the 2x2 cells of a token
    params = {**params, "classifier": {"output": {"kernel": kernel, "bias": bias}}}

    @jax.jit
    def logits(params):
        net, _ = objective.nets(params, one.state.objective_state)
        return objective.predict(net, jnp.zeros((2, 8, 8, 3)))

    grid = np.asarray(logits(params)).reshape(2, 8, 8, count)
    np.testing.assert_array_equal(grid[0, :, :, 0], np.tile([[0, 1], [2, 3]], (4, 4)))


def test_shares_follow_the_colours_seen():
    one = trial("colorization")
    before = one.state.objective_state["shares"]
    after = one.step(one.state, one.batches[0])[0].objective_state["shares"]
    np.testing.assert_allclose(before, 1 / len(before))
    assert float(after.sum()) == pytest.approx(1, rel=1e-5)
    black = int(np.flatnonzero((gamut_bins(20) == 0).all(axis=1))[0])
    assert int(jnp.argmax(after)) == black  # most of a digit is background
    most = before + (1 - one.objective.share_momentum)
    assert (after <= most + 1e-6).all() and float(after[black]) > float(before[black])


def test_rare_colours_weigh_more():
    one = trial("colorization")
    black = (gamut_bins(20) == 0).all(axis=1)
    shares = np.where(black, np.float32(0.99), np.float32(0.01 / (len(black) - 1)))
    params = _blank(one.state.params)
    losses = []
    for mix in (0.1, 1.0):
        objective = _build(rare_mix=mix)
        memory = {**one.state.objective_state, "shares": shares}
        loss = jax.jit(functools.partial(_loss, objective))
        losses.append(float(loss(params, memory, one.batches[0])[0]))
    assert losses[0] > 1.5 * losses[1]


def test_grey_images_are_refused():
    run = dataclasses.replace(trial("colorization").objective.run, spec=SPEC)
    with pytest.raises(UserError, match=r"needs images with 3 channels \(RGB\), these have 1"):
        build_objective(ConfigDict(CASES["colorization"][1]), run)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"rare_mix": 0.0}, r"objective.rare_mix=0.0; it must be above 0 and at most 1"),
        (
            {"share_momentum": 1.0},
            r"objective.share_momentum=1.0; it must be at least 0 and below 1",
        ),
        ({"cells_per_token": 0}, "objective.cells_per_token=0; it must be at least 1"),
        ({"bin_spacing": 0}, "objective.bin_spacing=0; it must be at least 1"),
    ],
)
def test_values_out_of_range_are_refused(changes, message):
    with pytest.raises(UserError, match=message):
        _build(**changes)
