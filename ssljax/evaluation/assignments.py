"""How evenly examples are assigned to prototypes, and how surely."""

from collections.abc import Iterable

import numpy as np
import scipy.special


def assignment_entropy(logits: Iterable[np.ndarray]) -> dict[str, float]:
    """Return the entropies of the soft assignments p_i = softmax(s_i), in parts of log K.

    Args:
      logits: float [b, K], block by block, of all examples for K >= 2 prototypes: their scores over
        the temperature that the objective trains with.

    Returns:
      "marginal": H(mean_i p_i) / log K, 1 where all prototypes are used alike and 0 where one is
        given to all (collapse);
      "conditional": mean_i H(p_i) / log K, 0 where each example is sure of one, 1 where no example
        prefers any (collapse, too);
      "used": the share of prototypes that are the best of some example.

    Raises:
      ValueError: the blocks have another shape, or there are none.

    >>> assignment_entropy([np.array([[90.0, 0.0], [0.0, 90.0]])])["marginal"]
    1.0
    """
    total, entropy, count, used = 0.0, 0.0, 0, 0
    for block in logits:
        scores = np.asarray(block, np.float64)
        if scores.ndim != 2 or scores.shape[1] < 2:
            raise ValueError(f"logits must be [b, K] with K of at least 2, got {scores.shape}")
        p = scipy.special.softmax(scores, axis=1)
        total, count = total + p.sum(axis=0), count + len(p)
        entropy += scipy.special.entr(p).sum()
        used = used | np.isin(np.arange(scores.shape[1]), scores.argmax(axis=1))
    if not count:
        raise ValueError("there are no examples")
    most = np.log(len(total))
    return {
        "marginal": float(scipy.special.entr(total / count).sum() / most),
        "conditional": float(entropy / count / most),
        "used": float(np.mean(used)),
    }
