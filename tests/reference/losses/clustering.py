import math

import numpy as np


def prototype_cross_entropy(scores, assignments, *, temperature, where=None):
    losses = []
    for b, row in enumerate(scores):
        if where is not None and not where[b]:
            losses.append(0.0)
            continue
        logits = [float(s) / temperature for s in row]
        losses.append(-logits[assignments[b]] + math.log(sum(math.exp(v) for v in logits)))
    return np.array(losses)


def swapped_prediction(scores, assignments, *, temperature):
    losses = []
    for row, assigned in zip(scores, assignments, strict=True):
        logits = [float(s) / temperature for s in row]
        norm = math.log(sum(math.exp(v) for v in logits))
        losses.append(-sum(float(q) * (v - norm) for q, v in zip(assigned, logits, strict=True)))
    return np.array(losses)
