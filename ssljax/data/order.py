"""The order of examples: a shuffle of any number of examples that needs no table.

Batch k must be a function of (source, seed, k) alone, for a set of a billion images as for one of a
thousand, so the
permutation is computed point by point: a Feistel network over the smallest even number of bits that
holds the set, walked until it lands inside the set again. Every epoch has its own key.
"""

import numpy as np

_ROUNDS = 8
_GOLDEN = 0x9E3779B97F4A7C15


def _mix(x: np.ndarray) -> np.ndarray:
    """Scramble 64-bit words (the finaliser of splitmix64); a bijection."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _feistel(x: np.ndarray, keys: np.ndarray, half_bits: np.uint64) -> np.ndarray:
    mask = (np.uint64(1) << half_bits) - np.uint64(1)
    left, right = x >> half_bits, x & mask
    for round_number in range(_ROUNDS):
        round_key = keys + np.uint64((round_number + 1) * _GOLDEN % 2**64)
        left, right = right, left ^ (_mix(right ^ _mix(round_key)) & mask)
    return (left << half_bits) | right


def shuffled(positions: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Return the example at each position of an endless walk over a set, re-shuffled each epoch.

    Positions [e * count, (e + 1) * count) visit every example exactly once, in an order that
    depends on (seed, e).

    Args:
      positions: integers >= 0, any shape; position p lies in epoch p // count.
      count: the number of examples, at least 1.
      seed: any integer; different seeds give unrelated orders.

    Returns:
      int64 example numbers in [0, count), of the shape of `positions`.

    Example:
      >>> sorted(shuffled(np.arange(5), count=5, seed=0).tolist())
      [0, 1, 2, 3, 4]
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    positions = np.atleast_1d(np.asarray(positions, np.int64))
    epochs, index = np.divmod(positions, count)
    # Mixed twice, so that (seed, epoch) and (seed + 1, epoch - 1) have nothing in common.
    seeds = np.full_like(epochs, seed % 2**63).astype(np.uint64)
    keys = _mix(_mix(seeds + np.uint64(_GOLDEN)) ^ epochs.astype(np.uint64))
    half_bits = np.uint64(max(1, ((count - 1).bit_length() + 1) // 2))
    x = _feistel(index.astype(np.uint64), keys, half_bits)
    outside = x >= count
    while outside.any():
        x[outside] = _feistel(x[outside], keys[outside], half_bits)
        outside = x >= count
    return x.astype(np.int64)
