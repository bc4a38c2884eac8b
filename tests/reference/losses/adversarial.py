import math

import numpy as np


def gan(real, fake):
    """Of logits [B, D], the mean over D."""
    losses = []
    for r, f in zip(real, fake, strict=True):
        terms = [-math.log(_sigmoid(x)) for x in r] + [-math.log(_sigmoid(-x)) for x in f]
        losses.append(sum(terms) / len(terms))
    return np.array(losses)


def _sigmoid(x):
    return 1 / (1 + math.exp(-x))
