"""BiGAN: three players, one scalar, each with the gradient of its own loss alone."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from ssljax.errors import UserError
from ssljax.losses import gan
from ssljax.models import build_encoder
from ssljax.objectives import Run, build_objective
from ssljax.ops.keys import per_example
from tests.objectives.cases import CASES
from tests.objectives.conftest import BATCH, SPEC, trial

KEY = jax.random.key(0)
PLAYERS = {
    "discriminator": ("discriminator",),
    "encoder": ("encoder", "latent_head"),
    "generator": ("generator",),
}


def pairs(one, params):
    """The logits of real and made pairs, with every gradient let through."""
    objective, batch = one.objective, {**one.batches[0], "row": np.arange(BATCH)}
    net, _ = objective.nets(params, one.state.objective_state)
    x = objective.views.stacked(KEY, batch)[:, 0]
    z = objective.draw(per_example(jax.random.split(KEY)[1], batch["row"]))
    code, image = objective.encode(net, x), objective.generate(net, z)
    return net.discriminator(x, code), net.discriminator(image, z)


@pytest.fixture(scope="module")
def gradients():
    """Of the objective's loss, of the discriminator's, and of its opponents', to everything."""
    one = trial("bigan")
    batch = {**one.batches[0], "row": np.arange(BATCH)}

    def objective(params):
        return one.objective.value(params, one.state.objective_state, batch, key=KEY, step=0)[0]

    def discriminator(params):
        return jnp.mean(gan(*pairs(one, params)))

    def opponents(params):
        return jnp.mean(gan(*reversed(pairs(one, params))))

    players = (objective, discriminator, opponents)
    return jax.jit(lambda p: [jax.value_and_grad(f)(p) for f in players])(one.state.params)


@pytest.mark.parametrize("player", PLAYERS)
def test_each_player_gets_the_gradient_of_its_own_loss_alone(gradients, player):
    (_, got), (_, discriminator), (_, opponents) = gradients
    own, other = (
        (discriminator, opponents) if player == "discriminator" else (opponents, discriminator)
    )
    for component in PLAYERS[player]:
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-7),
            got[component],
            own[component],
        )
        sizes = [float(np.abs(leaf).max()) for leaf in jax.tree.leaves(own[component])]
        differ = jax.tree.map(lambda a, b: float(np.abs(a - b).max()), got, other)[component]
        assert max(sizes) > 1e-6 and max(jax.tree.leaves(differ)) > 1e-6


def test_the_players_are_all_there(gradients):
    assert {name for parts in PLAYERS.values() for name in parts} == set(gradients[0][1])


def test_all_players_are_at_log_2_where_the_discriminator_knows_nothing():
    one = trial("bigan")
    batch = {**one.batches[0], "row": np.arange(BATCH)}
    judge = one.state.params["discriminator"]
    blank = {**judge, "output": jax.tree.map(jnp.zeros_like, judge["output"])}
    params = {**one.state.params, "discriminator": blank}
    loss, aux = jax.jit(
        lambda p: one.objective.value(p, one.state.objective_state, batch, key=KEY, step=0)
    )(params)
    for name in ("discriminator_loss", "generator_loss"):
        assert float(aux.metrics[name]) == pytest.approx(math.log(2), rel=1e-6)
    assert float(loss) == pytest.approx(2 * math.log(2), rel=1e-6)


def test_codes_and_images_have_the_ranges_of_what_they_imitate():
    one = trial("bigan")

    @jax.jit
    def made(params):
        net, _ = one.objective.nets(params, one.state.objective_state)
        z = one.objective.draw(jax.random.split(KEY, 64))
        image = one.objective.generate(net, 100 * z)
        return z, image, one.objective.encode(net, 100 * image)

    z, image, code = jax.device_get(made(one.state.params))
    assert z.shape == (64, 6) and -1 <= z.min() < -0.9 and 0.9 < z.max() < 1
    field = SPEC.fields["image"]
    pixels = image * np.float32(field.std) + np.float32(field.mean)
    assert -1e-6 <= pixels.min() < 0.4 and 0.6 < pixels.max() <= 1 + 1e-6
    assert code.shape == (64, 6) and np.abs(code).max() <= 1


def test_a_value_out_of_range_is_named():
    encoder, section = CASES["bigan"]
    run = Run(build_encoder(encoder), SPEC, steps=10, batch_size=BATCH)
    with pytest.raises(UserError, match="objective.latent_dim=0; it must be at least 1"):
        build_objective(ConfigDict({**section, "latent_dim": 0}), run)
