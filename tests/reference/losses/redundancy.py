import math

import numpy as np

from tests.reference.losses.vectors import unit


def _mean(values):
    return sum(values) / len(values)


def _columns(z):
    return [[float(row[i]) for row in z] for i in range(len(z[0]))]


def _covariance(a, b, divisor):
    mean_a, mean_b = _mean(a), _mean(b)
    return sum((x - mean_a) * (y - mean_b) for x, y in zip(a, b, strict=True)) / divisor


def barlow_twins(z1, z2, *, off_diagonal_weight):
    batch, loss = len(z1), 0.0
    for i, a in enumerate(_columns(z1)):
        for j, b in enumerate(_columns(z2)):
            scale_a = math.sqrt(_covariance(a, a, batch) + 1e-5)
            scale_b = math.sqrt(_covariance(b, b, batch) + 1e-5)
            c = _covariance(a, b, batch) / scale_a / scale_b
            loss += (c - 1) ** 2 if i == j else off_diagonal_weight * c**2
    return loss


def vicreg(z1, z2, *, invariance_weight, variance_weight, covariance_weight):
    batch, dim = np.shape(z1)
    loss = invariance_weight * _mean(
        [(float(a) - float(b)) ** 2 for a, b in zip(np.ravel(z1), np.ravel(z2), strict=True)]
    )
    for z in (z1, z2):
        columns = _columns(z)
        for i, a in enumerate(columns):
            std = math.sqrt(_covariance(a, a, batch - 1) + 1e-4)
            loss += variance_weight * max(0.0, 1 - std) / dim / 2
            for j, b in enumerate(columns):
                if i != j:
                    loss += covariance_weight * _covariance(a, b, batch - 1) ** 2 / dim
    return loss


def _whitened(z, epsilon):
    columns = _columns(z)
    covariance = np.array([[_covariance(a, b, len(z) - 1) for b in columns] for a in columns])
    lower = np.linalg.cholesky((1 - epsilon) * covariance + epsilon * np.eye(len(columns)))
    means = np.array([_mean(column) for column in columns])
    return [np.linalg.inv(lower) @ (np.asarray(row, np.float64) - means) for row in z]


def w_mse(z1, z2, *, group_size, epsilon):
    losses = []
    for start in range(0, len(z1), group_size):
        group = slice(start, start + group_size)
        rows = zip(_whitened(z1[group], epsilon), _whitened(z2[group], epsilon), strict=True)
        losses += [sum((unit(a) - unit(b)) ** 2) for a, b in rows]
    return np.array(losses)


def tico_covariance(z1, covariance, *, momentum):
    of_batch = sum(np.outer(unit(row), unit(row)) for row in z1) / len(z1)
    return momentum * np.asarray(covariance, np.float64) + (1 - momentum) * of_batch


def tico(z1, z2, covariance, *, momentum, weight):
    c = tico_covariance(z1, covariance, momentum=momentum)
    pairs = zip(z1, z2, strict=True)
    return np.array([weight * unit(a) @ c @ unit(a) - unit(a) @ unit(b) for a, b in pairs])


def sigreg(z, directions):
    values = []
    for direction in directions:
        xs = [float(np.asarray(row, np.float64) @ unit(direction)) for row in z]
        for k in range(17):
            t = 3 * k / 16
            normal = math.exp(-(t**2) / 2)
            real = _mean([math.cos(t * x) for x in xs]) - normal
            imaginary = _mean([math.sin(t * x) for x in xs])
            width = (3 / 16) * (1 if k in (0, 16) else 2)
            values.append(len(z) * (real**2 + imaginary**2) * normal * width)
    return sum(values) / len(directions)
