"""A discriminator and its opponents, trained by one loss: each gets the gradient of its own."""

import jax
import jax.numpy as jnp

from ssljax.losses import gan
from ssljax.objectives.base import Array, Net


def play(net: Net, *, real: tuple[Array, Array], made: tuple[Array, Array]) -> tuple[Array, Array]:
    """Return the mean loss of the discriminator, and that of those who made the pairs.

    The first has no gradient to the pairs, the second none to the discriminator's parameters, so
    that in their sum every player has the gradient of its own loss alone.

    Args:
      net: with the component "discriminator", a `PairDiscriminator`, without batch statistics.
      real: images [B, H, W, C] and codes [B, D] that it is to tell from
      made: those; opponents win where it takes either for the other.
    """
    # The two passes through the discriminator have equal values; the compiler makes one of them.
    judge, fixed_judge = net, Net(net.modules, jax.lax.stop_gradient(net.params), net.stats)
    fixed_real, fixed_made = jax.lax.stop_gradient((real, made))
    discriminator = gan(judge.discriminator(*fixed_real), judge.discriminator(*fixed_made))
    opponents = gan(fixed_judge.discriminator(*made), fixed_judge.discriminator(*real))
    return jnp.mean(discriminator), jnp.mean(opponents)
