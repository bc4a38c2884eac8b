import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.losses import gan


def test_every_player_starts_at_log_2():
    logits = jnp.zeros(3)
    np.testing.assert_allclose(gan(logits, logits), np.full(3, math.log(2)), rtol=1e-6)


def test_by_hand():
    # D says 3/4 for the real one and 1/5 for the fake one.
    real, fake = jnp.log(jnp.array([3.0])), jnp.log(jnp.array([0.25]))
    loss, flipped = -(math.log(3 / 4) + math.log(4 / 5)) / 2, -(math.log(1 / 5 * 1 / 4)) / 2
    np.testing.assert_allclose(gan(real, fake), [loss], rtol=1e-6)
    np.testing.assert_allclose(gan(fake, real), [flipped], rtol=1e-6)


def test_the_loser_keeps_its_gradient():
    """With the minimax loss it would be the discriminator's gradient, which vanishes."""
    sure = jnp.float32(30)
    generator = jax.grad(lambda fake: gan(fake[None], sure[None])[0])(-sure)
    discriminator = jax.grad(lambda fake: gan(sure[None], fake[None])[0])(-sure)
    assert float(generator) == pytest.approx(-0.5)
    assert abs(float(discriminator)) < 1e-12


def test_each_logit_is_judged_on_its_own():
    real, fake = jnp.array([[0.0, 1.0, 50.0]]), jnp.array([[2.0, -1.0, -50.0]])
    one_by_one = [gan(real[0, i : i + 1], fake[0, i : i + 1])[0] for i in range(3)]
    np.testing.assert_allclose(gan(real, fake)[0], jnp.stack(one_by_one), rtol=1e-6)
