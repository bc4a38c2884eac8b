"""Instance discrimination: distinguish an image from noise, by noise-contrastive estimation."""

import math

import jax
import jax.numpy as jnp

from ssljax.losses import checks
from ssljax.losses.blockwise import HIGHEST
from ssljax.ops.normalize import l2_normalize


def noise_contrastive(
    z: jax.Array,
    positive: jax.Array,
    noise: jax.Array,
    *,
    temperature: float | jax.Array,
    log_normalizer: float | jax.Array,
    examples: int,
) -> jax.Array:
    """NPID: identify one of n images by noise-contrastive estimation.

    The non-parametric softmax of z over the vectors v_1 ... v_n of a memory bank is
    P(i) = exp(v_i . z / temperature) / Z, of unit vectors. With m noise vectors drawn uniformly
    from the bank, h(i) = P(i) / (P(i) + m / n) is the probability that v_i belongs to the image and
    is not noise:

        loss_b = -log h(positive) - sum_k log(1 - h(noise_k))

    The bank is a target: no gradient goes through it.

    Args:
      z: float[B, D], the projections.
      positive: float[B, D], the vectors of the same images in the bank.
      noise: float[m, D], the vectors of images drawn uniformly, shared by the batch (the official
        code draws m vectors for each example: equal in expectation, but B times as many vectors to
        read).
      temperature: a positive number; the paper's is 0.07.
      log_normalizer: log Z, a constant; the official code estimates Z once, from the first batch.
      examples: n, the rows of the bank.

    Returns:
      [B], at least float32; log(m + 1) + m log(1 + 1/m), about log(m + 1) + 1, if every P(i) is
      1/n.

    Raises:
      ValueError: shapes do not fit, or temperature or examples is not positive.
      TypeError: an array is not of a float dtype.

    Wu et al. 2018, https://arxiv.org/abs/1805.01978; zhirongw/lemniscate.pytorch,
    lib/NCECriterion.py.

    >>> e = jnp.eye(2)
    >>> loss = noise_contrastive(e, e, e, temperature=1e3, log_normalizer=jnp.log(2), examples=2)
    >>> print(loss.round(2))  # log(3) + 2 log(3 / 2)
    [1.91 1.91]
    """
    checks.shapes(z=(z, "B D"), positive=(positive, "B D"), noise=(noise, "m D"))
    checks.floats(z=z, positive=positive, noise=noise)
    checks.positive(temperature=temperature, examples=examples)
    z = l2_normalize(z) / temperature
    positive, noise = jax.lax.stop_gradient((l2_normalize(positive), l2_normalize(noise)))
    # log of P / (m / n), the odds of h, of each
    offset = jax.lax.stop_gradient(log_normalizer) + math.log(len(noise) / examples)
    true = jnp.sum(z * positive, axis=1) - offset
    false = jnp.einsum("bd,md->bm", z, noise, precision=HIGHEST) - offset
    return jax.nn.softplus(-true) + jnp.sum(jax.nn.softplus(false), axis=1)
