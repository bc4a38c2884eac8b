"""Supervised contrastive loss: examples of the same class are positives too."""

import functools

import jax
import jax.numpy as jnp

from ssljax.losses import checks
from ssljax.losses.blockwise import over_pairs, sum_over
from ssljax.losses.logsumexp import identities, masked_logits, pulled
from ssljax.ops.normalize import l2_normalize


def sup_con(
    z1: jax.Array,
    z2: jax.Array,
    labels: jax.Array | None,
    *,
    temperature: float | jax.Array,
    block: int = 0,
) -> jax.Array:
    """Supervised contrastive loss (L_out), per pair of views.

    With u the 2B unit vectors of both views, s = u u' / temperature, and P(i) the views with the
    label of i, except i itself,

        l(i) = -mean_{p in P(i)} s(i, p) + log sum_{k != i} exp s(i, k)
        loss_b = (l(first view of b) + l(second view of b)) / 2

    An example without a label is a class of its own. If no example has a label, this is `nt_xent`.
    The loss couples the batch: pass the global batch. Only reverse mode works. One B x B block of
    logits is in memory at a time, or one of block x block with `block`.

    The official code multiplies by temperature / 0.07 ("base temperature"); the paper, and this,
    does not.

    Args:
      z1: float[B, D], the projections of the first view of every example, B at least 2.
      z2: float[B, D], those of the second view, in the same order.
      labels: int[B], below 0 for no label; None if no example has a label.
      temperature: a positive number or a scalar array, which then gets a gradient.
      block: largest number of rows and columns of logits in memory at a time; 0 for B.

    Returns:
      [B], at least float32; log(2B - 1) if all embeddings are equal.

    Raises:
      ValueError: the shapes do not fit, B is 1, the temperature is not positive, or block is
        negative.
      TypeError: the projections are not floats, or the labels not integers.

    Supervised contrastive learning, https://arxiv.org/abs/2004.11362, equation 2;
    HobbitLong/SupContrast, losses.py.

    >>> z = jnp.eye(4)
    >>> print(f"{sup_con(z, z, None, temperature=0.5).mean():.3f}")  # nt_xent
    0.594
    >>> print(f"{sup_con(z, z, jnp.zeros(4, int), temperature=0.5).mean():.3f}")
    2.309
    """
    checks.shapes(z1=(z1, "B D"), z2=(z2, "B D"))
    checks.several(z1=z1)
    checks.floats(z1=z1, z2=z2)
    checks.positive(temperature=temperature)
    checks.not_negative(block=block)
    labels = -jnp.ones(len(z1), jnp.int32) if labels is None else labels
    checks.shapes(z1=(z1, "B D"), labels=(labels, "B"))
    checks.integers(labels=labels)
    views = l2_normalize(jnp.stack([z1, z2]))
    x = views * jax.lax.rsqrt(jnp.asarray(temperature, views.dtype))
    labels = jnp.where(labels < 0, -1 - jnp.arange(len(labels)), labels)  # a class of its own
    return jnp.mean(_losses_of_views(x, jnp.stack([labels, labels]), block), axis=0)


# The log-sum-exp and the positives of a block are computed together, and so are their gradients:
# each block of logits is computed once for both.


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def _losses_of_views(x, labels, block):
    return _forward(x, labels, block)[0]


def _forward(x, labels, block):
    def add(rows, columns, totals, _):
        logits, (norm, total) = masked_logits(rows, columns), totals
        positive = jnp.sum(jnp.where(_positive(rows, columns), logits, 0), axis=1)
        return (jnp.logaddexp(norm, jax.nn.logsumexp(logits, axis=1)), total + positive), ()

    rows = {"x": x, "id": identities(x, "itself"), "label": labels}
    zero = jnp.zeros(labels.shape, x.dtype)
    (norm, total), _ = over_pairs(add, rows, rows, (zero - jnp.inf, zero), (), block=block)
    count = 2 * _images(labels[0]) - 1
    return norm - total / count, (rows, norm, count)


def _backward(block, saved, cotangent):
    rows, norm, count = saved

    def add(rows, columns, gradient, _):
        logits = masked_logits(rows, columns)
        weights = pulled(logits, rows, axis=1) + pulled(logits, columns, axis=0)
        share = rows["share"][:, None] + columns["share"]
        weights = weights - jnp.where(_positive(rows, columns), share, 0)
        return gradient + sum_over(weights, columns["x"]), ()

    rows = {**rows, "norm": norm, "cotangent": cotangent, "share": cotangent / count}
    gradient, _ = over_pairs(add, rows, rows, jnp.zeros_like(rows["x"]), (), block=block)
    return gradient, None


_losses_of_views.defvjp(_forward, _backward)


def _positive(rows, columns):
    """Return bool[b, c]: which views are of the same class, except a view and itself."""
    same_class = rows["label"][:, None] == columns["label"]
    return same_class & (rows["id"][:, None] != columns["id"])


def _images(labels):
    """Return int[B]: the number of examples in the class of each example."""
    ordered = jnp.sort(labels)
    first = jnp.searchsorted(ordered, labels, side="left")
    return jnp.searchsorted(ordered, labels, side="right") - first
