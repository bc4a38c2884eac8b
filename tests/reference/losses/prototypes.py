import numpy as np


def softmax(x):
    e = np.exp(x - np.max(x))
    return e / e.sum()


def cross_entropy(p, x):
    """-sum p log softmax(x), with the logarithm of the sum taken safely."""
    top = np.max(x)
    log_sum = top + np.log(np.sum(np.exp(x - top)))
    return sum(p[k] * (log_sum - x[k]) for k in range(len(x)))


def dino(student, teacher, center, *, student_temperature, teacher_temperature):
    losses = []
    for s, t in zip(student, teacher, strict=True):
        p = softmax((t - center) / teacher_temperature)
        losses.append(cross_entropy(p, s / student_temperature))
    return np.array(losses)


def ibot(student, teacher, center, *, student_temperature, teacher_temperature, where):
    losses = []
    for s, t, hidden in zip(student, teacher, where, strict=True):
        total = 0.0
        for n in np.flatnonzero(hidden):
            p = softmax((t[n] - center) / teacher_temperature)
            total += cross_entropy(p, s[n] / student_temperature)
        losses.append(total / max(1, hidden.sum()))
    return np.array(losses)


def msn(
    anchors, targets, prototypes, *, temperature, sharpening, entropy_weight, sinkhorn_iterations
):
    examples, views, _ = anchors.shape
    count = len(prototypes)

    def cosines(z):
        return np.array([z @ q / np.linalg.norm(z) / np.linalg.norm(q) for q in prototypes])

    target = np.empty((examples, count))
    for b in range(examples):
        sharp = softmax(cosines(targets[b]) / temperature) ** (1 / sharpening)
        target[b] = sharp / sharp.sum()
    for _ in range(sinkhorn_iterations):
        target = target / target.sum(axis=0, keepdims=True) / count
        target = target / target.sum(axis=1, keepdims=True) / examples
    target = target / target.sum(axis=1, keepdims=True)
    total, mean = 0.0, np.zeros(count)
    for b in range(examples):
        for v in range(views):
            logits = cosines(anchors[b, v]) / temperature
            total += cross_entropy(target[b], logits)
            mean += softmax(logits)
    mean /= examples * views
    entropy = -sum(m * np.log(m) for m in mean)
    return total / (examples * views) + entropy_weight * (np.log(count) - entropy)


def koleo(z):
    unit = [row / np.linalg.norm(row) for row in z]
    total = 0.0
    for i, a in enumerate(unit):
        distances = [np.linalg.norm(a - b) for j, b in enumerate(unit) if j != i]
        total -= np.log(min(distances))
    return total / len(unit)
