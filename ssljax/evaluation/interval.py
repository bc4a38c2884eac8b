"""How sure an accuracy is."""

import math


def wilson(accuracy: float, count: int) -> tuple[float, float]:
    """95% confidence interval of a rate observed on `count` independent examples.

    It speaks of the test sample alone, not of the spread between training seeds. Unlike the normal
    approximation it stays inside [0, 1] and does not vanish at an accuracy of 0 or 1.

    Wilson, Probable inference, the law of succession, and statistical inference (1927).

    >>> [round(bound, 4) for bound in wilson(0.9, 100)]
    [0.8256, 0.9448]
    """
    z = 1.959963984540054
    centre = accuracy + z**2 / (2 * count)
    spread = z * math.sqrt(accuracy * (1 - accuracy) / count + z**2 / (4 * count**2))
    scale = 1 + z**2 / count
    return (centre - spread) / scale, (centre + spread) / scale
