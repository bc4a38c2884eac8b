import math

import numpy as np

from tests.reference.losses.vectors import cosine


def nt_xent(z1, z2, *, temperature):
    rows, count = [*z1, *z2], len(z1)
    losses = []
    for i, row in enumerate(rows):
        pair = (i + count) % (2 * count)
        scores = {k: cosine(row, other) / temperature for k, other in enumerate(rows) if k != i}
        losses.append(-scores[pair] + math.log(sum(math.exp(s) for s in scores.values())))
    return np.array([(losses[b] + losses[b + count]) / 2 for b in range(count)])


def info_nce(query, positive, negatives, *, temperature):
    losses = []
    for q, k in zip(query, positive, strict=True):
        scores = [cosine(q, other) / temperature for other in [k, *negatives]]
        losses.append(-scores[0] + math.log(sum(math.exp(s) for s in scores)))
    return np.array(losses)
