import math

import numpy as np

from tests.reference.losses.vectors import cosine


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


def batch_info_nce(query, keys, *, temperature, normalize=True):
    losses, similarity = [], cosine if normalize else np.dot
    for b, q in enumerate(query):
        scores = [similarity(q, k) / temperature for k in keys]
        losses.append(-scores[b] + math.log(sum(math.exp(s) for s in scores)))
    return np.array(losses)


def dcl(z1, z2, *, temperature, weights=None):
    rows, count = [*z1, *z2], len(z1)
    weights = np.ones(count) if weights is None else weights
    losses = []
    for i, row in enumerate(rows):
        positive = cosine(row, rows[(i + count) % (2 * count)]) / temperature
        negatives = [
            cosine(row, other) / temperature
            for k, other in enumerate(rows)
            if k % count != i % count
        ]
        weight = weights[i % count]
        losses.append(-weight * positive + math.log(sum(math.exp(s) for s in negatives)))
    return np.array([(losses[b] + losses[b + count]) / 2 for b in range(count)])


def dclw(z1, z2, *, temperature, sigma):
    density = [math.exp(cosine(a, b) / sigma) for a, b in zip(z1, z2, strict=True)]
    mean = sum(density) / len(density)
    return dcl(z1, z2, temperature=temperature, weights=[2 - d / mean for d in density])


def sup_con(z1, z2, labels=None, *, temperature):
    rows, count = [*z1, *z2], len(z1)
    labels = [-1] * count if labels is None else labels
    losses = []
    for i, row in enumerate(rows):
        scores = {k: cosine(row, other) / temperature for k, other in enumerate(rows) if k != i}
        positives = [
            scores[k]
            for k in scores
            if k % count == i % count or labels[k % count] == labels[i % count] >= 0
        ]
        mean = sum(positives) / len(positives)
        losses.append(-mean + math.log(sum(math.exp(s) for s in scores.values())))
    return np.array([(losses[b] + losses[b + count]) / 2 for b in range(count)])


def relational(student, teacher, memory, *, student_temperature, teacher_temperature):
    losses = []
    for s, t in zip(student, teacher, strict=True):
        predicted = [math.exp(cosine(s, m) / student_temperature) for m in memory]
        target = [math.exp(cosine(t, m) / teacher_temperature) for m in memory]
        losses.append(
            -sum(
                p / sum(target) * math.log(q / sum(predicted))
                for p, q in zip(target, predicted, strict=True)
            )
        )
    return np.array(losses)


def noise_contrastive(z, positive, noise, *, temperature, log_normalizer, examples):
    losses = []
    for row, own in zip(z, positive, strict=True):
        logits = [cosine(row, v) / temperature - log_normalizer for v in [own, *noise]]
        probability = [math.exp(logit) for logit in logits]
        h = [p / (p + len(noise) / examples) for p in probability]
        losses.append(-math.log(h[0]) - sum(math.log(1 - other) for other in h[1:]))
    return np.array(losses)


def non_parametric_softmax(z, bank, ids, *, temperature):
    losses = []
    for row, own in zip(z, ids, strict=True):
        scores = [math.exp(cosine(row, v) / temperature) for v in bank]
        losses.append(-math.log(scores[own] / sum(scores)))
    return np.array(losses)
