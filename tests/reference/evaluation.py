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


def alpha_req(features, *, first, last):
    """Minus the slope of a weighted regression of log eigenvalues, by the normal equations."""
    features = np.asarray(features, np.float64)
    values = np.sort(np.linalg.eigvalsh(np.cov(features.T, bias=True)))[::-1]
    normal, right = np.zeros((2, 2)), np.zeros(2)
    for j in range(first, last + 1):
        row = np.array([-np.log(j), 1.0])
        normal += np.outer(row, row) / j
        right += row * np.log(values[j - 1]) / j
    alpha, constant = np.linalg.solve(normal, right)
    logs = [np.log(values[j - 1]) for j in range(first, last + 1)]
    left = sum(
        (np.log(values[j - 1]) + alpha * np.log(j) - constant) ** 2 for j in range(first, last + 1)
    )
    return alpha, 1 - left / sum((value - np.mean(logs)) ** 2 for value in logs)


def lidar(views, *, delta, epsilon):
    """By the inverse square root of the covariance within, as the paper has it."""
    views = np.asarray(views, np.float64)
    n, q, dimensions = views.shape
    grand = sum(views[i, v] for i in range(n) for v in range(q)) / (n * q)
    between, within = np.zeros((dimensions,) * 2), delta * np.eye(dimensions)
    for i in range(n):
        mean = sum(views[i]) / q
        between += np.outer(mean - grand, mean - grand) / n
        for v in range(q):
            within += np.outer(views[i, v] - mean, views[i, v] - mean) / (n * q)
    values, vectors = np.linalg.eigh(within)
    root = vectors @ np.diag(values**-0.5) @ vectors.T
    spectrum = np.linalg.eigvalsh(root @ between @ root)
    entropy = 0.0
    for value in spectrum:
        p = max(value, 0) / np.abs(spectrum).sum() + epsilon
        entropy -= p * np.log(p)
    return np.exp(entropy)


def uniformity(features, *, t):
    features = [np.asarray(row, np.float64) / np.linalg.norm(row) for row in features]
    terms = [
        np.exp(-t * np.sum((features[i] - features[j]) ** 2))
        for i in range(len(features))
        for j in range(i + 1, len(features))
    ]
    return np.log(np.mean(terms))


def alignment(first, second):
    total = 0.0
    for x, y in zip(first, second, strict=True):
        total += np.sum((x / np.linalg.norm(x) - y / np.linalg.norm(y)) ** 2)
    return total / len(first)


def lost_box(tokens, *, expand):
    """By a search from the seed; tokens [rows, columns, d]."""
    rows, columns, _ = tokens.shape
    cells = [(y, x) for y in range(rows) for x in range(columns)]
    mean = sum(tokens[cell] for cell in cells) / len(cells)
    alike = {(p, q): float((tokens[p] - mean) @ (tokens[q] - mean)) for p in cells for q in cells}
    degree = {p: sum(alike[p, q] > 0 for q in cells if q != p) for p in cells}
    order = sorted(cells, key=lambda p: degree[p])
    joined = [p for p in order[: max(1, round(expand * len(cells)))] if alike[order[0], p] > 0]
    inside, waiting = set(), [order[0]]
    while waiting:
        y, x = cell = waiting.pop()
        fits = cell in degree and cell not in inside
        if fits and sum(alike[p, cell] for p in joined) > 0:
            inside.add(cell)
            waiting += [(y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)]
    ys, xs = zip(*inside, strict=True)
    return min(ys), min(xs), max(ys) + 1, max(xs) + 1
