import math

import numpy as np


def unit(vector):
    vector = np.asarray(vector, np.float64)
    return vector / max(math.sqrt(sum(v * v for v in vector)), 1e-6)


def cosine(a, b):
    return sum(x * y for x, y in zip(unit(a), unit(b), strict=True))
