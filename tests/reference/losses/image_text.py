import math

import numpy as np

from tests.reference.losses.vectors import cosine


def clip(image, text, *, temperature):
    scores = [[cosine(i, t) / temperature for t in text] for i in image]
    losses = []
    for b in range(len(image)):
        of_image = math.log(sum(math.exp(scores[b][c]) for c in range(len(text))))
        of_text = math.log(sum(math.exp(scores[c][b]) for c in range(len(text))))
        losses.append((of_image - scores[b][b] + of_text - scores[b][b]) / 2)
    return np.array(losses)


def siglip(image, text, *, temperature, bias):
    losses = []
    for b, i in enumerate(image):
        loss = 0.0
        for c, t in enumerate(text):
            y = 1 if b == c else -1
            loss += math.log(1 + math.exp(-y * (cosine(i, t) / temperature + bias)))
        losses.append(loss)
    return np.array(losses)
