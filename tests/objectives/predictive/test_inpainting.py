"""Inpainting: a hole that is seen by nobody but the judge."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from ssljax.errors import UserError
from ssljax.objectives import build_objective
from tests.objectives.cases import CASES
from tests.objectives.conftest import trial


def _build(**changes):
    section = {**CASES["inpainting"][1], **changes}
    return build_objective(ConfigDict(section), trial("inpainting").objective.run)


def _loss(objective, params, batch):
    one = trial("inpainting")
    return objective.value(params, one.state.objective_state, batch, key=jax.random.key(0), step=0)


def test_the_hole_does_not_reach_the_encoder():
    """With a discriminator that sees nothing, hidden pixels are but targets, without gradient."""
    objective, batch = (
        _build(views={"crop": {}}, adversarial_weight=0.0),
        trial("inpainting").batches[0],
    )
    params = trial("inpainting").state.params
    image = batch["image"].astype(jnp.float32) / 255
    run = jax.jit(jax.grad(lambda i: _loss(objective, params, {**batch, "image": i})[0]))
    touched = np.asarray(run(image) != 0).any(axis=(0, 3))
    expected = np.ones((8, 8), bool)
    expected[2:6, 2:6] = False
    np.testing.assert_array_equal(touched, expected)


def test_each_player_gets_the_gradient_of_its_own_loss():
    one = trial("inpainting")
    objective, params, batch = one.objective, one.state.params, one.batches[0]
    weight = objective.adversarial_weight

    def losses(params):
        loss, aux = _loss(objective, params, batch)
        return {"loss": loss, **aux.metrics}

    gradient = jax.jit(jax.jacrev(losses))(params)
    whole, judged, opposed = (
        gradient[name] for name in ("loss", "discriminator_loss", "generator_loss")
    )
    made = jax.tree.map(
        lambda a, b: (1 - weight) * a + weight * b, gradient["reconstruction"], opposed
    )

    def same(one, two):
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), one, two)

    for name in ("encoder", "decoder"):
        same(whole[name], made[name])
        assert not any(np.any(leaf) for leaf in jax.tree.leaves(judged[name]))
        assert any(np.any(leaf) for leaf in jax.tree.leaves(opposed[name]))  # the game reaches it
    same(whole["discriminator"], judged["discriminator"])
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(made["discriminator"]))


def test_both_players_lose_ln_2_to_a_judge_that_cannot_tell():
    one = trial("inpainting")
    judge = one.state.params["discriminator"]
    judge = {**judge, "output": jax.tree.map(jnp.zeros_like, judge["output"])}
    params = {**one.state.params, "discriminator": judge}
    metrics = jax.jit(lambda: _loss(one.objective, params, one.batches[0])[1].metrics)()
    for name in ("generator_loss", "discriminator_loss"):
        assert float(metrics[name]) == pytest.approx(np.log(2), rel=1e-6)


def test_without_the_game_there_is_no_discriminator():
    one, objective = trial("inpainting"), _build(adversarial_weight=0.0)
    params, _ = jax.eval_shape(objective.init_networks, jax.random.key(0))
    assert set(params) == {"encoder", "decoder"}
    params = {name: one.state.params[name] for name in params}
    loss = jax.jit(lambda: _loss(objective, params, one.batches[0])[0])()
    with_game = jax.jit(lambda: _loss(one.objective, one.state.params, one.batches[0])[1].metrics)()
    assert float(loss) == pytest.approx(float(with_game["reconstruction"]), rel=1e-5)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"hole": 1.0}, "objective.hole=1.0; it must be above 0 and below 1"),
        ({"hole": 0.01}, "objective.hole=0.01 makes a hole of 0 pixels"),
        ({"hole": 0.99}, "objective.hole=0.99 makes a hole of 8 pixels in views of 8"),
        ({"region": "centre"}, "did you mean 'center'"),
        (
            {"adversarial_weight": 1.0},
            r"objective.adversarial_weight=1.0; it must be at least 0 and below 1",
        ),
        ({"decoder_width": 0}, "objective.decoder_width=0; it must be at least 1"),
    ],
)
def test_values_out_of_range_are_refused(changes, message):
    with pytest.raises(UserError, match=message):
        _build(**changes)
