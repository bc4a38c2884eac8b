import math

import numpy as np


def mse(prediction, target):
    losses = []
    for p, t in zip(prediction, target, strict=True):
        errors = [(float(a) - float(b)) ** 2 for a, b in zip(p.ravel(), t.ravel(), strict=True)]
        losses.append(sum(errors) / len(errors))
    return np.array(losses)


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


def masked_l1(prediction, target, *, where):
    return _mean_over_hidden(prediction, target, where, lambda e: abs(e))


def smooth_l1(prediction, target, *, where=None, beta=1.0):
    if where is None:
        where = np.ones(prediction.shape[:2], bool)

    def value(e):
        return e * e / (2 * beta) if abs(e) < beta else abs(e) - beta / 2

    return _mean_over_hidden(prediction, target, where, value)


def masked_cross_entropy(logits, labels, *, where):
    losses = []
    for scores, ids, hidden in zip(logits, labels, where, strict=True):
        values = []
        for n in range(len(ids)):
            if hidden[n]:
                total = sum(math.exp(float(s)) for s in scores[n])
                values.append(math.log(total) - float(scores[n][ids[n]]))
        losses.append(sum(values) / len(values) if values else 0.0)
    return np.array(losses)


def _mean_over_hidden(prediction, target, where, value):
    losses = []
    for p, t, hidden in zip(prediction, target, where, strict=True):
        errors = [
            value(float(x) - float(y))
            for n in range(len(p))
            if hidden[n]
            for x, y in zip(p[n], t[n], strict=True)
        ]
        losses.append(sum(errors) / len(errors) if errors else 0.0)
    return np.array(losses)


def normalize_patch(patch):
    values = [float(v) for v in patch]
    mean = sum(values) / len(values)
    variance = sum((v - mean) ** 2 for v in values) / (len(values) - 1)
    return np.array([(v - mean) / math.sqrt(variance + 1e-6) for v in values])
