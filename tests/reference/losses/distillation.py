import numpy as np

from tests.reference.losses.vectors import cosine


def byol_regression(p, z):
    return np.array([2 - 2 * cosine(a, b) for a, b in zip(p, z, strict=True)])


def negative_cosine(p, z):
    return np.array([-cosine(a, b) for a, b in zip(p, z, strict=True)])


def similarity_distillation(student, teacher, queue, *, student_temperature, teacher_temperature):
    losses = []
    for s, t in zip(student, teacher, strict=True):
        others = [t, *queue]
        p = np.exp([cosine(t, k) / teacher_temperature for k in others])
        q = np.exp([cosine(s, k) / student_temperature for k in others])
        losses.append(-np.sum(p / p.sum() * np.log(q / q.sum())))
    return np.array(losses)
