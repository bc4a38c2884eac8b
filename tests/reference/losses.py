"""The losses once more, as float64 loops that follow the papers' sums literally."""

import math

import numpy as np


def unit(vector):
    vector = np.asarray(vector, np.float64)
    return vector / max(math.sqrt(sum(v * v for v in vector)), 1e-6)


def cosine(a, b):
    return sum(x * y for x, y in zip(unit(a), unit(b), strict=True))


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


def byol_regression(prediction, target):
    return np.array([2 - 2 * cosine(p, z) for p, z in zip(prediction, target, strict=True)])


def negative_cosine(prediction, target):
    return np.array([-cosine(p, z) for p, z in zip(prediction, target, strict=True)])


def masked_mse(prediction, target, *, where):
    losses = []
    for p, t, hidden in zip(prediction, target, where, strict=True):
        errors = [
            sum((float(x) - float(y)) ** 2 for x, y in zip(p[n], t[n], strict=True)) / len(p[n])
            for n in range(len(p))
            if hidden[n]
        ]
        losses.append(sum(errors) / len(errors) if errors else 0.0)
    return np.array(losses)


def normalize_patch(patch):
    values = [float(v) for v in patch]
    mean = sum(values) / len(values)
    variance = sum((v - mean) ** 2 for v in values) / (len(values) - 1)
    return np.array([(v - mean) / math.sqrt(variance + 1e-6) for v in values])


def prototype_cross_entropy(scores, assignments, *, temperature, where=None):
    losses = []
    for b, row in enumerate(scores):
        if where is not None and not where[b]:
            losses.append(0.0)
            continue
        logits = [float(s) / temperature for s in row]
        losses.append(-logits[assignments[b]] + math.log(sum(math.exp(v) for v in logits)))
    return np.array(losses)
