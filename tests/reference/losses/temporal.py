import math

import numpy as np


def hierarchical_contrastive(z1, z2, *, instance_weight=0.5, temporal_from=0, where=None):
    """One level, one example, one time after the other, over the times that count."""
    lengths = [z1.shape[1]] * len(z1) if where is None else [int(row.sum()) for row in where]
    first = [[row[t] for t in range(n)] for row, n in zip(z1, lengths, strict=True)]
    second = [[row[t] for t in range(n)] for row, n in zip(z2, lengths, strict=True)]
    totals, levels = [0.0] * len(z1), [0] * len(z1)
    level = 0
    while any(first):
        for b in range(len(first)):
            if not first[b]:
                continue
            values = []
            for t in range(len(first[b])):
                others = [c for c in range(len(first)) if c != b and len(first[c]) > t]
                times = [s for s in range(len(first[b])) if s != t]
                value = 0.0
                for u, v in ((first, second), (second, first)):
                    pair = _dot(u[b][t], v[b][t])
                    instance = [pair]
                    instance += [_dot(u[b][t], x[c][t]) for c in others for x in (u, v)]
                    temporal = [pair]
                    temporal += [_dot(u[b][t], x[b][s]) for s in times for x in (u, v)]
                    value += instance_weight * (_log_sum_exp(instance) - pair) / 2
                    if level >= temporal_from:
                        value += (1 - instance_weight) * (_log_sum_exp(temporal) - pair) / 2
                values.append(value)
            totals[b] += sum(values) / len(values)
            levels[b] += 1
        first, second = _pool(first), _pool(second)
        level += 1
    return np.array([t / n if n else 0.0 for t, n in zip(totals, levels, strict=True)])


def dense_predictive(prediction, target):
    rows = [vector for example in target for vector in example]
    losses = []
    for p, t in zip(prediction, target, strict=True):
        values = [
            _log_sum_exp([_dot(one, row) for row in rows]) - _dot(one, own)
            for one, own in zip(p, t, strict=True)
        ]
        losses.append(sum(values) / len(values))
    return np.array(losses)


def next_step(prediction, series, *, where=None):
    if where is None:
        where = np.ones(series.shape[:2], bool)
    losses = []
    for p, x, counts in zip(prediction, series, where, strict=True):
        errors = []
        for n in range(len(x) - 1):
            if counts[n + 1]:
                errors += [(float(a) - float(b)) ** 2 for a, b in zip(p[n], x[n + 1], strict=True)]
        losses.append(sum(errors) / len(errors) if errors else 0.0)
    return np.array(losses)


def cpc(prediction, local, negatives, *, temperature=1.0):
    """One example, one step, one time after the other."""
    losses = []
    for p, z, others in zip(prediction, local, negatives, strict=True):
        values = []
        for k in range(len(p)):
            for t in range(len(p[k])):
                true = _dot(p[k][t], z[t + k + 1]) / temperature
                scores = [_dot(p[k][t], other) / temperature for other in others[t]]
                values.append(_log_sum_exp([true, *scores]) - true)
        losses.append(sum(values) / len(values))
    return np.array(losses)


def time_mae(
    prediction,
    target,
    logits,
    labels,
    *,
    where,
    alignment_weight=1.0,
    codeword_weight=1.0,
    smoothing=0.0,
):
    losses = []
    for b in range(len(prediction)):
        aligned, coded = [], []
        for n in range(len(prediction[b])):
            if not where[b][n]:
                continue
            pairs = list(zip(prediction[b][n], target[b][n], strict=True))
            aligned.append(sum((float(p) - float(t)) ** 2 for p, t in pairs) / len(pairs))
            scores = [float(s) for s in logits[b][n]]
            shares = [smoothing / len(scores)] * len(scores)
            shares[labels[b][n]] += 1 - smoothing
            norm = _log_sum_exp(scores)
            coded.append(sum(w * (norm - s) for w, s in zip(shares, scores, strict=True)))
        count = max(len(aligned), 1)
        losses.append((alignment_weight * sum(aligned) + codeword_weight * sum(coded)) / count)
    return np.array(losses)


def _pool(rows):
    return [
        [
            [max(a, b) for a, b in zip(row[2 * i], row[2 * i + 1], strict=True)]
            for i in range(len(row) // 2)
        ]
        for row in rows
    ]


def _dot(a, b):
    return sum(float(x) * float(y) for x, y in zip(a, b, strict=True))


def _log_sum_exp(values):
    largest = max(values)
    return largest + math.log(sum(math.exp(v - largest) for v in values))
