"""Connectionist temporal classification: the letters of a sound, wherever in it they are said."""

import jax
import jax.numpy as jnp

from ssljax.losses import checks
from ssljax.ops.normalize import at_least_float32

_NEVER = -1e30  # the logarithm of the weight of what cannot be; -inf has no gradient


def ctc(logits: jax.Array, labels: jax.Array) -> jax.Array:
    """Negative log likelihood of letters, over all their alignments with the times (CTC).

    At each of N times a letter or the blank is said, independently, with the probabilities
    softmax(l). A path of N of them spells the letters that are left once repeats are joined and
    then blanks dropped; with S(y) the paths that spell y,

        loss_b = -log sum_{path in S(y_b)} prod_n p_bn(path_n)

    Letters that need more than N times, as repeated ones need a blank between them, have no path:
    their loss is 0, as in PyTorch with zero_infinity.

    Args:
      logits: float[B, N, K + 1], of the blank, then of each of K letters.
      labels: int[B, L], the letters in [0, K), first those of the example; below 0: no more. None
        at all means that all times are blank.

    Returns:
      [B], at least float32, in nats, not divided by the number of letters.

    Raises:
      ValueError: shapes do not fit, or a letter is known to be K or more.
      TypeError: logits are not floats, or labels not integers.

    Graves et al. 2006, Connectionist temporal classification: labelling unsegmented sequence data
    with recurrent neural networks, section 4.1.

    >>> print(ctc(jnp.zeros((1, 2, 3)), jnp.array([[0]])).round(4))  # aa, a-, -a of nine: log 3
    [1.0986]
    """
    checks.shapes(logits=(logits, "B N K"), labels=(labels, "B L"))
    checks.floats(logits=logits)
    checks.integers(labels=labels)
    checks.below(logits.shape[2] - 1, where=labels >= 0, labels=labels)
    said = labels >= 0
    count = jnp.sum(said, axis=1)
    size, times, _ = logits.shape
    # Blank, letter, blank, letter, ..., blank: a path moves on by 0, 1 or, past a blank, 2.
    symbols = jnp.zeros((size, 2 * labels.shape[1] + 1), jnp.int32)
    symbols = symbols.at[:, 1::2].set(jnp.where(said, labels + 1, 0).astype(jnp.int32))
    before = jnp.pad(symbols, ((0, 0), (2, 0)))[:, :-2]
    skips = (symbols > 0) & (symbols != before)
    log_p = jax.nn.log_softmax(at_least_float32(logits), axis=2)
    log_p = jnp.take_along_axis(log_p, symbols[:, None, :], axis=2)  # [B, N, 2L + 1]
    start = jnp.where(jnp.arange(symbols.shape[1]) < 2, log_p[:, 0], _NEVER)

    def move(paths, log_p):
        one, two = (
            jnp.pad(paths, ((0, 0), (by, 0)), constant_values=_NEVER)[:, :-by] for by in (1, 2)
        )
        two = jnp.where(skips, two, _NEVER)
        return jax.nn.logsumexp(jnp.stack([paths, one, two]), axis=0) + log_p, None

    paths, _ = jax.lax.scan(move, start, jnp.swapaxes(log_p[:, 1:], 0, 1))
    ends = jnp.stack([2 * count, jnp.maximum(2 * count - 1, 0)], axis=1)
    found = jnp.take_along_axis(paths, ends, axis=1)
    found = found.at[:, 1].set(jnp.where(count > 0, found[:, 1], _NEVER))
    repeats = jnp.sum(said[:, 1:] & (labels[:, 1:] == labels[:, :-1]), axis=1)
    return jnp.where(count + repeats <= times, -jax.nn.logsumexp(found, axis=1), 0)
