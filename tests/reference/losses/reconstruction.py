import math

import numpy as np


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
