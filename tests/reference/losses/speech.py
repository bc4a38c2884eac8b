import math

import numpy as np


def masked_contrastive(prediction, target, codes, negatives, *, temperature, where=None):
    """One frame of one example after the other, and one negative after the other."""
    if where is None:
        where = np.ones(prediction.shape[:2], bool)
    losses = []
    for b in range(len(prediction)):
        values = []
        for n in range(len(prediction[b])):
            if not where[b][n]:
                continue
            true = _cosine(prediction[b][n], target[b][n]) / temperature
            scores = [true]
            for m in negatives[b][n]:
                if not 0 <= m < len(target[b]) or not where[b][m]:
                    continue
                if list(codes[b][m]) != list(codes[b][n]):
                    scores.append(_cosine(prediction[b][n], target[b][m]) / temperature)
            values.append(_log_sum_exp(scores) - true)
        losses.append(sum(values) / len(values) if values else 0.0)
    return np.array(losses)


def code_diversity(logits, *, where=None):
    if where is None:
        where = np.ones(logits.shape[:2], bool)
    groups, codes = logits.shape[2:]
    total = 0.0
    for g in range(groups):
        shares, count = [0.0] * codes, 0
        for b in range(len(logits)):
            for n in range(len(logits[b])):
                if where[b][n]:
                    scores = [float(s) for s in logits[b][n][g]]
                    norm = _log_sum_exp(scores)
                    shares = [p + math.exp(s - norm) for p, s in zip(shares, scores, strict=True)]
                    count += 1
        shares = [p / count for p in shares]
        total += math.exp(-sum(p * math.log(p) for p in shares if p > 0))
    return np.array((groups * codes - total) / (groups * codes))


def masked_units(prediction, units, labels, *, temperature, where):
    losses = []
    for b in range(len(prediction)):
        values = []
        for n in range(len(prediction[b])):
            if where[b][n]:
                scores = [_cosine(prediction[b][n], unit) / temperature for unit in units]
                values.append(_log_sum_exp(scores) - scores[labels[b][n]])
        losses.append(sum(values) / len(values) if values else 0.0)
    return np.array(losses)


def _cosine(a, b):
    product = sum(float(x) * float(y) for x, y in zip(a, b, strict=True))
    lengths = [math.sqrt(sum(float(x) ** 2 for x in one)) for one in (a, b)]
    return product / (max(lengths[0], 1e-6) * max(lengths[1], 1e-6))


def _log_sum_exp(values):
    largest = max(values)
    return largest + math.log(sum(math.exp(v - largest) for v in values))
