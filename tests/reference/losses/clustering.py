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
