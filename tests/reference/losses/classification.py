import math

import numpy as np


def soft_cross_entropy(logits, targets, *, weights):
    losses = []
    for example, shares, weight in zip(logits, targets, weights, strict=True):
        total = 0.0
        for row, share, w in zip(example, shares, weight, strict=True):
            largest = max(float(v) for v in row)
            log_sum = largest + math.log(sum(math.exp(float(v) - largest) for v in row))
            total += float(w) * sum(
                float(t) * (log_sum - float(v)) for t, v in zip(share, row, strict=True)
            )
        losses.append(total / len(example))
    return np.array(losses)
