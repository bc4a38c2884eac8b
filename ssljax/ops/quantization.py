"""Vector quantization: a codebook of running means of the vectors assigned to each code."""

import jax
import jax.numpy as jnp
from einops import rearrange

from ssljax.ops.ema import ema
from ssljax.ops.normalize import at_least_float32

Codebook = dict[str, jax.Array]  # {"counts": f32[K], "sums": f32[K, D]}

_HIGHEST = jax.lax.Precision.HIGHEST


def init_codebook(key: jax.Array, *, codes: int, dim: int, dead_below: float) -> Codebook:
    """Return a codebook of random codes, whose counts are just large enough not to be dead.

    So the first `update_codebook` replaces every code that its batch did not use.

    Args:
      key: the random key.
      codes: number of codes K.
      dim: the length D of a code.
      dead_below: as for `update_codebook`.

    Returns:
      {"counts": float32[K], "sums": float32[K, D]}; see `code_vectors`.

    Raises:
      ValueError: an argument is not positive.
    """
    for name, value in (("codes", codes), ("dim", dim), ("dead_below", dead_below)):
        if not value > 0:
            raise ValueError(f"{name} must be positive, got {value}")
    counts = jnp.full(codes, dead_below, jnp.float32)
    return {"counts": counts, "sums": dead_below * jax.random.normal(key, (codes, dim))}


def code_vectors(codebook: Codebook) -> jax.Array:
    """Return the codes, float32[K, D]: the running mean of the vectors assigned to each.

    >>> code_vectors({"counts": jnp.array([2.0]), "sums": jnp.array([[4.0, 6.0]])}).tolist()
    [[2.0, 3.0]]
    """
    return codebook["sums"] / codebook["counts"][:, None]


def nearest_code(z: jax.Array, codes: jax.Array) -> jax.Array:
    """Return the index of the code at the smallest Euclidean distance; of equal ones the first.

    Args:
      z: float[..., D].
      codes: float[K, D].

    Returns:
      int32[...] in 0 ... K-1.

    Raises:
      ValueError: the shapes do not fit.

    >>> nearest_code(jnp.array([[0.9, 0.0], [0.0, 2.0]]), jnp.eye(2)).tolist()
    [0, 1]
    """
    if codes.ndim != 2 or z.ndim < 1 or z.shape[-1] != codes.shape[1]:
        raise ValueError(
            f"z must have shape [..., D] and codes [K, D], got {list(z.shape)} and "
            f"{list(codes.shape)}"
        )
    z, codes = at_least_float32(z), at_least_float32(codes)
    products = jnp.einsum("...d,kd->...k", z, codes, precision=_HIGHEST)
    # |z|^2 is the same for all codes.
    distances = jnp.sum(jnp.square(codes), axis=1) - 2 * products
    return jnp.argmin(distances, axis=-1).astype(jnp.int32)


def straight_through(z: jax.Array, quantized: jax.Array) -> jax.Array:
    """Return the quantized vectors; their gradient is passed to z unchanged.

    >>> value, gradient = jax.value_and_grad(straight_through)(0.3, 1.0)
    >>> float(value), float(gradient)
    (1.0, 1.0)
    """
    return jax.lax.stop_gradient(quantized) + (z - jax.lax.stop_gradient(z))


def code_usage(z: jax.Array, ids: jax.Array, *, codes: int) -> Codebook:
    """Return how often each code is used, and the sums of its vectors, for `update_codebook`.

    Both are divided by T / K, the fair share of a code in T vectors: if all codes are used equally,
    each count is 1 for any batch size. The sums are over the global batch. They are products with
    one-hot rows, because scatter-adds on a GPU differ from run to run.

    Args:
      z: float[..., D], the vectors.
      ids: int[...], the code of each.
      codes: number of codes K.

    Returns:
      {"counts": [K], "sums": [K, D]}, at least float32, without gradient.

    >>> code_usage(jnp.array([[1.0], [3.0]]), jnp.array([1, 1]), codes=2)["counts"].tolist()
    [0.0, 2.0]
    """
    z = rearrange(at_least_float32(jax.lax.stop_gradient(z)), "... d -> (...) d")
    chosen = jax.nn.one_hot(rearrange(ids, "... -> (...)"), codes, dtype=z.dtype)
    fair = len(z) / codes
    sums = jnp.einsum("tk,td->kd", chosen, z, precision=_HIGHEST)
    return {"counts": jnp.sum(chosen, axis=0) / fair, "sums": sums / fair}


def update_codebook(
    codebook: Codebook, usage: Codebook, fresh: jax.Array, *, decay: float, dead_below: float
) -> Codebook:
    """Move every code towards the mean of its vectors, and replace codes that are rarely used.

        counts <- decay counts + (1 - decay) usage,  sums likewise,  code = sums / counts

    This is online k-means. A code whose running count falls below `dead_below` is replaced by a
    fresh vector with a count of 1. Otherwise most codes of a large codebook never come near the
    data and are never used.

    Args:
      codebook: {"counts": f32[K], "sums": f32[K, D]}.
      usage: counts and sums of this batch, from `code_usage`.
      fresh: float[K, D], random vectors of this batch, which replace dead codes.
      decay: weight of the old counts and sums, between 0 (only this batch) and 1 (no change).
      dead_below: the smallest count, relative to the fair share, of a code that is not replaced.

    Returns:
      The new codebook.

    Raises:
      ValueError: the shapes differ, or the decay is not between 0 and 1.

    VQ-VAE, https://arxiv.org/abs/1711.00937, appendix A.1; google-deepmind/sonnet,
    src/nets/vqvae.py (VectorQuantizerEMA), which smooths the counts; this function replaces codes
    instead, as Jukebox does, https://arxiv.org/abs/2005.00341.

    >>> book = {"counts": jnp.ones(1), "sums": jnp.array([[2.0]])}
    >>> usage = {"counts": jnp.ones(1), "sums": jnp.array([[4.0]])}
    >>> new = update_codebook(book, usage, jnp.zeros((1, 1)), decay=0.75, dead_below=0.1)
    >>> code_vectors(new).tolist()
    [[2.5]]
    """
    if fresh.shape != codebook["sums"].shape:
        raise ValueError(
            f"fresh must have shape {list(codebook['sums'].shape)}, got {list(fresh.shape)}"
        )
    moved = ema(codebook, usage, decay)
    dead = moved["counts"] < dead_below
    fresh = at_least_float32(jax.lax.stop_gradient(fresh))
    return {
        "counts": jnp.where(dead, 1.0, moved["counts"]),
        "sums": jnp.where(dead[:, None], fresh, moved["sums"]),
    }


def perplexity(counts: jax.Array) -> jax.Array:
    """Return the effective number of codes in use: exp of the entropy of counts / sum(counts).

    >>> print(perplexity(jnp.array([1.0, 1.0, 0.0])).round(3))
    2.0
    """
    p = counts / jnp.sum(counts)
    return jnp.exp(jnp.sum(jax.scipy.special.entr(p)))
