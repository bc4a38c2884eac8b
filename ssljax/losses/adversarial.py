"""Adversarial losses: distinguish real examples from those that another network made."""

import jax

from ssljax.losses import checks
from ssljax.ops.normalize import at_least_float32


def gan(real: jax.Array, fake: jax.Array) -> jax.Array:
    """Cross entropy of a discriminator, per example: the mean over its two kinds of input.

        loss_b = (softplus(-real_b) + softplus(fake_b)) / 2
               = -(log D(real) + log(1 - D(fake))) / 2,  with D = sigmoid(logit)

    This is the discriminator's loss, `gan(real, fake)`. Its opponent, be it a generator or an
    encoder, minimises `gan(fake, real)`: the labels are flipped (the non-saturating game), so that
    its gradient does not vanish while the discriminator wins. No gradient is stopped here: the
    caller has to give each player its own gradient only.

    Args:
      real: float[..., D], logits of real examples: one number for each example, [B], or for each
        position of each example.
      fake: float[..., D], logits of generated examples.

    Returns:
      [..., D], at least float32; log 2 for all players where the logits are 0.

    Raises:
      ValueError: the shapes differ.
      TypeError: the logits are not floats.

    GAN, https://arxiv.org/abs/1406.2661. The paper's sum of the two terms is twice this; the mean
    is that of BiGAN's code, jeffdonahue/bigan, gan.py (add_discrim_loss).

    >>> import jax.numpy as jnp
    >>> print(gan(jnp.array([0.0, 20.0]), jnp.array([0.0, -20.0])).round(3))
    [0.693 0.   ]
    """
    checks.shapes(real=(real, "... D"), fake=(fake, "... D"))
    checks.floats(real=real, fake=fake)
    real, fake = at_least_float32(real), at_least_float32(fake)
    return (jax.nn.softplus(-real) + jax.nn.softplus(fake)) / 2
