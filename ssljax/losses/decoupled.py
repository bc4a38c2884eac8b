"""Decoupled contrastive losses: the positive does not take part in the denominator."""

import jax
import jax.numpy as jnp

from ssljax.losses import checks
from ssljax.losses.logsumexp import views_logsumexp
from ssljax.ops.normalize import l2_normalize


def dcl(
    z1: jax.Array, z2: jax.Array, *, temperature: float | jax.Array, block: int = 0
) -> jax.Array:
    """Decoupled contrastive loss, per pair of views.

    With u the 2B unit vectors of both views and s = u u' / temperature,

        l(i) = -s(i, pair of i) + log sum_{k not of the image of i} exp s(i, k)
        loss_b = (l(first view of b) + l(second view of b)) / 2

    This is `nt_xent` without the positive in its denominator; it may be negative. The loss couples
    the batch: pass the global batch. Only reverse mode works. One B x B block of logits is in
    memory at a time, or one of block x block with `block`.

    The paper sums over views and images; this is the mean over the 2B views, as for `nt_xent`.
    raminnakhli/Decoupled-Contrastive-Learning adds the two views: twice this value.

    Args:
      z1: float[B, D], the projections of the first view of every example, B at least 2.
      z2: float[B, D], those of the second view, in the same order.
      temperature: a positive number or a scalar array, which then gets a gradient.
      block: largest number of rows and columns of logits in memory at a time; 0 for B.

    Returns:
      [B], at least float32; log(2B - 2) if all embeddings are equal.

    Raises:
      ValueError: the shapes differ or are not [B, D], there is a single example, the temperature is
        not positive, or block is negative.
      TypeError: the projections are not floats.

    Decoupled contrastive learning, https://arxiv.org/abs/2110.06848, equation 6.

    >>> z = jnp.eye(4)
    >>> print(f"{dcl(z, z, temperature=0.5).mean():.3f}")  # log(6) - 1 / 0.5
    -0.208
    """
    x = _checked_views(z1, z2, temperature, block)
    norm = views_logsumexp(x, "its image", block)
    return jnp.mean(norm, axis=0) - jnp.sum(x[0] * x[1], axis=1)


def dclw(
    z1: jax.Array,
    z2: jax.Array,
    *,
    temperature: float | jax.Array,
    sigma: float | jax.Array,
    block: int = 0,
) -> jax.Array:
    """`dcl` with weighted positives: pairs that are far apart count more.

    With c_b the cosine of pair b, its positive term -c_b / temperature is multiplied by

        w_b = 2 - exp(c_b / sigma) / mean_k exp(c_k / sigma)

    a negative von Mises-Fisher weight, whose mean over the global batch is 1. No gradient goes
    through the weights.

    lightly takes this mean over the examples of one device, so its loss depends on the number of
    devices; raminnakhli/Decoupled-Contrastive-Learning differentiates through the weights.

    Args:
      z1, z2, temperature, block: as for `dcl`.
      sigma: a positive number, the paper's is 0.5.

    Returns:
      [B], at least float32; equal to `dcl` where all pairs are equally far apart.

    Raises:
      ValueError, TypeError: as for `dcl`; or sigma is not positive.

    Decoupled contrastive learning, https://arxiv.org/abs/2110.06848, section 3.3.

    >>> z = jnp.eye(4)
    >>> print(f"{dclw(z, z, temperature=0.5, sigma=0.5).mean():.3f}")
    -0.208
    """
    checks.positive(sigma=sigma)
    x = _checked_views(z1, z2, temperature, block)
    positive = jnp.sum(x[0] * x[1], axis=1)
    similarity = jax.lax.stop_gradient(positive * temperature)
    weight = 2 - len(positive) * jax.nn.softmax(similarity / jax.lax.stop_gradient(sigma))
    return jnp.mean(views_logsumexp(x, "its image", block), axis=0) - weight * positive


def _checked_views(z1, z2, temperature, block):
    """Return [2, B, D] whose products are the logits."""
    checks.shapes(z1=(z1, "B D"), z2=(z2, "B D"))
    checks.several(z1=z1)
    checks.floats(z1=z1, z2=z2)
    checks.positive(temperature=temperature)
    checks.not_negative(block=block)
    views = l2_normalize(jnp.stack([z1, z2]))
    return views * jax.lax.rsqrt(jnp.asarray(temperature, views.dtype))
