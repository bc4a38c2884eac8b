"""Losses of speaker embeddings: an utterance is near to the centroid of its speaker."""

from typing import Literal

import jax
import jax.numpy as jnp

from ssljax.losses import checks
from ssljax.losses.blockwise import HIGHEST
from ssljax.ops.normalize import at_least_float32, l2_normalize


def ge2e(
    embeddings: jax.Array,
    labels: jax.Array,
    *,
    scale: float | jax.Array = 10.0,
    bias: float | jax.Array = -5.0,
    variant: Literal["softmax", "contrast"] = "softmax",
) -> jax.Array:
    """Generalised end-to-end loss: find the speaker of an utterance among those of the batch.

    With e_i of unit length and c_k the mean of those of speaker k, S_ik = w cos(e_i, c_k) + b; for
    the speaker of i itself the mean leaves e_i out. Then, for i of speaker j,

        softmax:   -S_ij + log sum_k exp S_ik
        contrast:  1 - sigmoid(S_ij) + max_{k != j} sigmoid(S_ik)

    An utterance whose speaker has no other in the batch has no centroid to find: its loss is 0, as
    is that of one without a speaker (label below 0), which is in no centroid. The batch is coupled:
    give the global batch.

    Args:
      embeddings: float[B, D].
      labels: int[B], the speakers.
      scale: w, a positive number; without that a nearer centroid would score less.
      bias: b; the softmax does not depend on it.
      variant: "softmax", better without, or "contrast", better with a text that all say.

    Returns:
      [B], at least float32; log of the number of speakers if all embeddings are equal.

    Raises:
      ValueError: shapes do not fit, the scale is not positive, or there is no such variant.
      TypeError: embeddings are not floats, or labels not integers.

    Wan et al. 2018, https://arxiv.org/abs/1710.10467, equations 5 to 8; there is no official code.

    >>> e, speakers = jnp.ones((6, 2)), jnp.array([0, 0, 1, 1, 2, 2])
    >>> print(f"{ge2e(e, speakers).mean():.4f}")  # log 3
    1.0986
    """
    checks.shapes(embeddings=(embeddings, "B D"), labels=(labels, "B"))
    checks.floats(embeddings=embeddings)
    checks.integers(labels=labels)
    checks.positive(scale=scale)
    checks.scalars(bias=bias)
    if variant not in ("softmax", "contrast"):
        raise ValueError(f"variant must be 'softmax' or 'contrast', got {variant!r}")
    e = l2_normalize(at_least_float32(embeddings))
    known = labels >= 0
    same = (labels[:, None] == labels) & known
    counts = jnp.sum(same, axis=1)
    sums = jnp.matmul(same.astype(e.dtype), e, precision=HIGHEST)  # of the speaker of each row
    others = jnp.matmul(e, l2_normalize(sums).T, precision=HIGHEST)
    own = scale * jnp.sum(e * l2_normalize(sums - e), axis=1) + bias
    scores = scale * others + bias
    allowed = known & ~same
    if variant == "softmax":
        # A speaker has as many columns as utterances, which share its weight.
        shared = scores - jnp.log(jnp.maximum(counts, 1))
        rest = jnp.where(allowed, shared, -jnp.inf)
        losses = jax.nn.logsumexp(jnp.concatenate([own[:, None], rest], axis=1), axis=1) - own
    else:
        nearest = jnp.max(jnp.where(allowed, jax.nn.sigmoid(scores), 0), axis=1)
        losses = 1 - jax.nn.sigmoid(own) + nearest
    return jnp.where(counted(labels), losses, 0)


def counted(labels: jax.Array) -> jax.Array:
    """Return bool[B], the utterances whose speaker has another one in the batch.

    >>> counted(jnp.array([4, 1, 4, -1, -1])).tolist()
    [True, False, True, False, False]
    """
    return (jnp.sum(labels[:, None] == labels, axis=1) > 1) & (labels >= 0)
