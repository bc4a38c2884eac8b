"""Evaluation measures as float64 loops, straight from their definitions."""

import numpy as np


def knn_predictions(bank, labels, queries, *, k, temperature):
    bank, queries = np.asarray(bank, np.float64), np.asarray(queries, np.float64)
    predictions = []
    for query in queries:
        cosines = []
        for row in bank:
            norms = np.linalg.norm(query) * np.linalg.norm(row)
            cosines.append(query @ row / norms if norms else 0.0)
        nearest = sorted(range(len(bank)), key=lambda i: (-cosines[i], i))[:k]
        scores = {}
        for i in nearest:
            scores[labels[i]] = scores.get(labels[i], 0) + np.exp(cosines[i] / temperature)
        predictions.append(min(scores, key=lambda label: (-scores[label], label)))
    return np.array(predictions)


def rankme(features):
    singular = np.linalg.svd(np.asarray(features, np.float64), compute_uv=False)
    entropy = 0.0
    for value in singular:
        p = value / singular.sum() + 1e-7
        entropy -= p * np.log(p)
    return np.exp(entropy)


def unit_std(features):
    features = np.asarray(features, np.float64)
    unit = np.array([row / np.linalg.norm(row) for row in features])
    return np.sqrt(unit.shape[1]) * np.mean([unit[:, d].std() for d in range(unit.shape[1])])


def logistic_objective(features, labels, weights, bias, *, l2):
    """Mean cross-entropy plus the penalty; labels are 0..K-1 and features standardised."""
    total = 0.0
    for row, label in zip(np.asarray(features, np.float64), labels, strict=True):
        logits = row @ weights + bias
        total += np.log(np.exp(logits - logits.max()).sum()) + logits.max() - logits[label]
    return total / len(labels) + 0.5 * l2 * (np.asarray(weights, np.float64) ** 2).sum()
