"""Permutations that differ as much as possible: the classes of the jigsaw task."""

import functools
import itertools
import math

import numpy as np

MOST_ITEMS = 9  # 9! permutations take 3 MB; those of more items would not fit


@functools.cache
def distant_permutations(items: int, count: int) -> np.ndarray:
    """Choose permutations greedily, each as far as possible from those chosen before.

    The first is the identity. Every further one has the largest sum of Hamming distances (the
    number of places at which two permutations differ) to those that are chosen; of several, the
    first in lexicographic order. Nothing is drawn at random: equal arguments give an equal set.

    Args:
      items: number of permuted items, from 2 to 9.
      count: number of permutations, from 2 to items!.

    Returns:
      int32[count, items], read-only.

    Raises:
      ValueError: an argument is out of range.

    Jigsaw, https://arxiv.org/abs/1603.09246 (algorithm 1); MehdiNoroozi/JigsawPuzzleSolver,
    select_permutations.py. Both start from a random permutation; the code breaks ties in the same
    way as here.

    >>> distant_permutations(3, 3).tolist()
    [[0, 1, 2], [1, 2, 0], [2, 0, 1]]
    """
    if not 2 <= items <= MOST_ITEMS:
        raise ValueError(f"items must be from 2 to {MOST_ITEMS}, got {items}")
    if not 2 <= count <= math.factorial(items):
        raise ValueError(
            f"count must be from 2 to the {math.factorial(items)} permutations of {items} items, "
            f"got {count}"
        )
    # By position and not by permutation: a comparison then reads consecutive memory.
    every = np.array(list(itertools.permutations(range(items))), np.uint8).T.copy()
    agreements = np.zeros(every.shape[1], np.int32)  # sum over the chosen ones and all positions
    chosen = [0]
    while len(chosen) < count:
        last = chosen[-1]
        for place in every:
            agreements += place == place[last]
        agreements[last] = np.iinfo(np.int32).max // 2
        chosen.append(int(np.argmin(agreements)))
    result = every[:, chosen].T.astype(np.int32)
    result.flags.writeable = False
    return result
