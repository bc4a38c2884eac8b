import numpy as np


def mse(prediction, target):
    losses = []
    for p, t in zip(prediction, target, strict=True):
        errors = [(float(a) - float(b)) ** 2 for a, b in zip(p.ravel(), t.ravel(), strict=True)]
        losses.append(sum(errors) / len(errors))
    return np.array(losses)
