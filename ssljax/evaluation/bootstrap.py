"""Intervals of any score over test examples, by resampling them."""

from collections.abc import Callable

import numpy as np


def bootstrap(
    score: Callable[[np.ndarray], dict[str, float]], count: int, *, draws: int = 200, seed: int = 0
) -> dict[str, np.ndarray]:
    """Return scores of resampled test examples, float[draws] by name.

    All subjects see the same resamples, so that differences are of pairs.

    Args:
      score: gives scores by name of examples int[count], some of them several times.
      count: of examples.
      draws, seed: of the resamples.

    Efron, Bootstrap methods: another look at the jackknife (1979).
    """
    generator = np.random.default_rng(seed)
    each = [score(generator.integers(0, count, count)) for _ in range(draws)]
    return {name: np.array([one[name] for one in each]) for name in each[0]}


def percentiles(scores: np.ndarray) -> tuple[float, float]:
    """Return the 95% interval of resampled scores: their percentiles 2.5 and 97.5."""
    low, high = np.percentile(scores, (2.5, 97.5))
    return float(low), float(high)
