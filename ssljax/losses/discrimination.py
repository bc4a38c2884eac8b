"""Instance discrimination: distinguish an image from all others, or from noise."""

import math

import jax
import jax.numpy as jnp

from ssljax.losses import checks
from ssljax.losses.blockwise import HIGHEST
from ssljax.losses.logsumexp import row_logsumexp
from ssljax.ops.normalize import l2_normalize


def non_parametric_softmax(
    z: jax.Array,
    ids: jax.Array,
    bank: jax.Array,
    *,
    temperature: float | jax.Array,
    block: int = 0,
) -> jax.Array:
    """NPID without noise: identify one of n images among all of them.

    With z and the vectors v_1 ... v_n of a memory bank scaled to unit length,

        loss_b = -v_(i_b) . z_b / t + log sum_j exp(v_j . z_b / t)

    The bank is a target: no gradient goes through it. With `block`, the B x n logits are never in
    memory together, see `ssljax.losses.blockwise.over_pairs`.

    Args:
      z: float[B, D], the projections.
      ids: int[B], in [0, n): the rows of the same images in the bank.
      bank: float[n, D].
      temperature: t, a positive number; the paper's is 0.07.
      block: largest number of rows and columns of logits in memory at a time; 0 for all.

    Returns:
      [B], at least float32; log n if all similarities are equal.

    Raises:
      ValueError: shapes do not fit, the temperature is not positive, or block is negative.
      TypeError: z or the bank is not of a float dtype, or ids are not integers.

    Wu et al. 2018, https://arxiv.org/abs/1805.01978 (equation 2); zhirongw/lemniscate.pytorch,
    lib/LinearAverage.py (`--nce-k 0`).

    >>> e = jnp.eye(3)
    >>> print(non_parametric_softmax(e[:1], jnp.array([0]), e, temperature=1.0).round(3))
    [0.551]
    """
    checks.shapes(z=(z, "B D"), ids=(ids, "B"), bank=(bank, "n D"))
    checks.floats(z=z, bank=bank)
    checks.integers(ids=ids)
    checks.positive(temperature=temperature)
    z = l2_normalize(z) / temperature
    bank = jax.lax.stop_gradient(l2_normalize(bank))
    return row_logsumexp(z, bank, block) - jnp.sum(z * bank[ids], axis=1)


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
