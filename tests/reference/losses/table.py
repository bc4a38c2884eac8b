import math

import numpy as np


def vime(mask_logits, reconstruction, target, *, mask, alpha=2.0):
    losses = []
    for scores, r, x, m in zip(mask_logits, reconstruction, target, mask, strict=True):
        estimate = [math.log1p(math.exp(-s if on else s)) for s, on in zip(scores, m, strict=True)]
        values = [(float(a) - float(b)) ** 2 for a, b in zip(r, x, strict=True)]
        losses.append(sum(estimate) / len(estimate) + alpha * sum(values) / len(values))
    return np.array(losses)


def masked_columns(prediction, target, *, cardinalities, where):
    losses = []
    for p, t, hidden in zip(prediction, target, where, strict=True):
        errors = []
        for m, size in enumerate(cardinalities):
            if not hidden[m]:
                continue
            if size == 0:
                errors.append((float(p[m][0]) - float(t[m])) ** 2)
            else:
                scores = [float(s) for s in p[m][:size]]
                total = sum(math.exp(s) for s in scores)
                errors.append(math.log(total) - scores[int(t[m])])
        losses.append(sum(errors) / len(errors) if errors else 0.0)
    return np.array(losses)
