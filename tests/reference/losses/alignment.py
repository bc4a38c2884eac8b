import itertools
import math

import numpy as np


def spelled(path):
    """Return the letters of a path: repeats joined, then blanks (0) dropped."""
    return [k - 1 for n, k in enumerate(path) if k and (n == 0 or path[n - 1] != k)]


def ctc(logits, labels):
    """The sum over all paths, one after the other."""
    losses = []
    for rows, label in zip(logits, labels, strict=True):
        wanted, total = [int(k) for k in label if k >= 0], 0.0
        p = [[math.exp(x - max(row)) for x in row] for row in rows]
        p = [[x / sum(row) for x in row] for row in p]
        for path in itertools.product(range(len(rows[0])), repeat=len(rows)):
            if spelled(path) == wanted:
                total += math.prod(p[n][k] for n, k in enumerate(path))
        losses.append(-math.log(total) if total else 0.0)
    return np.array(losses)
