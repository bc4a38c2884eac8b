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


def label_cross_entropy(logits, labels):
    losses = []
    for example, own in zip(logits, labels, strict=True):
        found = []
        for row, label in zip(example, own, strict=True):
            if label >= 0:
                largest = max(float(v) for v in row)
                log_sum = largest + math.log(sum(math.exp(float(v) - largest) for v in row))
                found.append(log_sum - float(row[label]))
        losses.append(sum(found) / len(found) if found else 0.0)
    return np.array(losses)


def binary_cross_entropy(logits, targets):
    losses = []
    for row, own in zip(logits, targets, strict=True):
        total = 0.0
        for s, t in zip(map(float, row), map(float, own), strict=True):
            log_sum = max(s, 0.0) + math.log(math.exp(min(s, -s)) + 1.0)
            total += log_sum - t * s
        losses.append(total / len(row))
    return np.array(losses)
