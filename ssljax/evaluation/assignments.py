"""How evenly examples are assigned to prototypes, and how surely."""

import numpy as np
import scipy.special


def assignment_entropy(scores: np.ndarray, *, temperature: float = 1.0) -> dict[str, float]:
    """Return the entropies of the soft assignments p_i = softmax(s_i / T), in parts of log K.

    Args:
      scores: float [N, K], of N examples for K >= 2 prototypes, such as cosines or logits.
      temperature: T, which the objective trains with.

    Returns:
      "marginal": H(mean_i p_i) / log K, 1 where all prototypes are used alike and 0 where one is
        given to all (collapse);
      "conditional": mean_i H(p_i) / log K, 0 where each example is sure of one, 1 where no example
        prefers any (collapse, too);
      "used": the share of prototypes that are the best of some example.

    >>> assignment_entropy(np.array([[9.0, 0.0], [0.0, 9.0]]), temperature=0.1)["marginal"]
    1.0
    """
    scores = np.asarray(scores, np.float64) / temperature
    if scores.ndim != 2 or scores.shape[1] < 2:
        raise ValueError(f"scores must be [N, K] with K of at least 2, got {scores.shape}")
    p = scipy.special.softmax(scores, axis=1)
    most = np.log(scores.shape[1])
    return {
        "marginal": float(scipy.special.entr(p.mean(axis=0)).sum() / most),
        "conditional": float(scipy.special.entr(p).sum(axis=1).mean() / most),
        "used": len(np.unique(scores.argmax(axis=1))) / scores.shape[1],
    }
