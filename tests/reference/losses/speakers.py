import math

import numpy as np

from tests.reference.losses.contrastive import cosine


def ge2e(embeddings, labels, *, scale=10.0, bias=-5.0, variant="softmax"):
    """One utterance, one speaker after the other."""
    unit = [row / math.sqrt(sum(x * x for x in row)) for row in embeddings]
    speakers = sorted({int(label) for label in labels if label >= 0})
    losses = []
    for i, label in enumerate(labels):
        if label < 0 or sum(other == label for other in labels) < 2:
            losses.append(0.0)
            continue
        scores = {}
        for k in speakers:
            said = [unit[j] for j in range(len(labels)) if labels[j] == k and j != i]
            scores[k] = scale * cosine(unit[i], sum(said) / len(said)) + bias
        if variant == "softmax":
            losses.append(-scores[label] + math.log(sum(math.exp(s) for s in scores.values())))
        else:
            shares = {k: 1 / (1 + math.exp(-s)) for k, s in scores.items()}
            nearest = max((s for k, s in shares.items() if k != label), default=0.0)
            losses.append(1 - shares[label] + nearest)
    return np.array(losses)
