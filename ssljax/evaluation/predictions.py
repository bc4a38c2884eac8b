"""Scores of what a network predicts, by the kind of label, each with a 95% interval.

The interval speaks of the test sample alone, not of the spread between training seeds: Wilson's of
an accuracy, else that of a bootstrap over examples.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score

from ssljax.evaluation.entities import are_entities, count_entities
from ssljax.evaluation.intervals import wilson

DRAWS = 200  # of the bootstrap
MAIN = {
    "class": "accuracy",
    "multi_label": "mean_ap",
    "regression": "r2",
    "mask": "mean_iou",
    "tokens": "macro_f1",
    "letters": "letter_error",
}
COUNTED = ("mask", "tokens", "letters")  # kinds of which `Counts` is kept, and no prediction


class Counts:
    """What of segmented images or tagged texts enters their score, so that no prediction is kept.

    Args:
      classes: their number.
      names: of the classes; where they are those of entities (`ssljax.evaluation.entities`), these
        are counted too.
    """

    def __init__(self, classes: int, names: Sequence[str] | None = None):
        self.classes = classes
        self.names = names if names and are_entities(names) else None
        self._parts: list[np.ndarray] = []
        self._entities: list[tuple[int, int, int]] = []

    def add(self, predicted: np.ndarray, masks: np.ndarray) -> None:
        """Count the places of int[n, ...], what is predicted and what is; below 0: not marked."""
        classes = np.arange(self.classes)
        for own, true in zip(predicted, masks, strict=True):
            marked = true >= 0
            own, true = own[marked], true[marked]
            if self.names is not None:
                self._entities.append(count_entities(own, true, self.names))
            both = np.bincount(true[own == true], minlength=self.classes)
            parts = [np.bincount(one, minlength=self.classes) for one in (own, true)]
            self._parts.append(np.stack([both, *parts])[:, classes])

    @property
    def counts(self) -> np.ndarray:
        """int[n, 3, K]: places of each class that are right, predicted, and there."""
        return np.stack(self._parts)

    @property
    def entities(self) -> np.ndarray:
        """int[n, 3]: entities that are right, predicted, and there; int[0, 3] if none are told."""
        return np.array(self._entities, np.int64).reshape(-1, 3)


def score(kind: str, predictions: np.ndarray, targets: np.ndarray) -> dict[str, Any]:
    """Return the scores of predictions as a dict of plain values; `MAIN` names the first.

    | kind | predictions | scores |
    |---|---|---|
    | class | float[n, K], any scores | "accuracy", and "top5" where K > 5 |
    | multi_label | float[n, K] | "mean_ap", the mean over labels that occur, and not always |
    | regression | float[n, K], in the units of targets | "r2" (mean over targets), "mse" of each |
    | mask | `Counts.counts` | "mean_iou" over classes that occur, "pixel_accuracy" |
    | tokens | `Counts.counts` | "macro_f1" over classes that occur, "token_accuracy", "entity_f1" |
    | letters | `Spellings.counts` | "letter_error" (CER), "words" spelled rightly, "beam_error" |

    Args:
      kind: of the targets.
      predictions: see above.
      targets: as in batches; not read of masks; of tokens `Counts.entities`, of letters
        `Spellings.entities`.

    Returns:
      Each score under its name, its interval under "interval_NAME"; None where it cannot be told.
      "entity_f1" is there where classes have names of entities; "word_error" (WER) and
      "beam_word_error" instead of "words" where letters part words.
    """
    return _SCORES[kind](predictions, targets)


def _of_classes(predictions: np.ndarray, targets: np.ndarray) -> dict[str, Any]:
    # A class beyond those of training counts as an error: no score is its.
    known = targets < predictions.shape[1]
    own = np.take_along_axis(predictions, np.where(known, targets, 0)[:, None], axis=1)
    above = np.sum(predictions > own, axis=1)  # of equal scores, the lower class comes first
    ties = np.arange(predictions.shape[1]) < targets[:, None]
    above = above + np.sum((predictions == own) & ties, axis=1)
    found = {}
    for name, k in (("accuracy", 1), ("top5", 5)):
        if k == 1 or predictions.shape[1] > 5:
            found[name] = float(np.mean(known & (above < k)))
            found[f"interval_{name}"] = list(wilson(found[name], len(targets)))
    return found


def _of_labels(predictions: np.ndarray, targets: np.ndarray) -> dict[str, Any]:
    def mean_ap(rows: np.ndarray) -> float | None:
        own, true = predictions[rows], targets[rows]
        seen = (true.any(axis=0)) & ~true.all(axis=0)
        if not seen.any():
            return None
        return float(average_precision_score(true[:, seen], own[:, seen], average="macro"))

    return _bootstrapped({"mean_ap": mean_ap}, len(targets))


def _of_numbers(predictions: np.ndarray, targets: np.ndarray) -> dict[str, Any]:
    targets = targets.reshape(len(targets), -1).astype(np.float64)
    errors = np.square(predictions.astype(np.float64) - targets)

    def r2(rows: np.ndarray) -> float | None:
        spread = np.sum(np.square(targets[rows] - targets[rows].mean(axis=0)), axis=0)
        if not (spread > 0).all():
            return None
        return float(np.mean(1 - errors[rows].sum(axis=0) / spread))

    def mse(rows: np.ndarray) -> float:
        return float(errors[rows].mean())

    found = _bootstrapped({"r2": r2, "mse": mse}, len(targets))
    return found | {"mse_of_each": errors.mean(axis=0).tolist()}


def _of_masks(counts: np.ndarray, _: Any) -> dict[str, Any]:
    def of_each(rows: np.ndarray) -> np.ndarray:
        both, own, true = counts[rows].sum(axis=0)
        union = own + true - both
        return both[union > 0] / union[union > 0]

    def mean_iou(rows: np.ndarray) -> float | None:
        each = of_each(rows)
        return float(each.mean()) if len(each) else None

    def pixels(rows: np.ndarray) -> float | None:
        both, _, true = counts[rows].sum(axis=(0, 2))
        return float(both / true) if true else None

    return _bootstrapped({"mean_iou": mean_iou, "pixel_accuracy": pixels}, len(counts))


def _of_tags(counts: np.ndarray, entities: np.ndarray) -> dict[str, Any]:
    def macro_f1(rows: np.ndarray) -> float | None:
        both, own, true = counts[rows].sum(axis=0)
        there = own + true > 0
        return float(np.mean(2 * both[there] / (own + true)[there])) if there.any() else None

    def tokens(rows: np.ndarray) -> float | None:
        both, _, true = counts[rows].sum(axis=(0, 2))
        return float(both / true) if true else None

    def entity_f1(rows: np.ndarray) -> float | None:
        both, own, true = entities[rows].sum(axis=0)
        return float(2 * both / (own + true)) if own + true else None

    scores = {"macro_f1": macro_f1, "token_accuracy": tokens}
    return _bootstrapped(scores | ({"entity_f1": entity_f1} if len(entities) else {}), len(counts))


def _of_letters(letters: np.ndarray, words: np.ndarray) -> dict[str, Any]:
    def error(counts: np.ndarray, column: int) -> Callable[[np.ndarray], float | None]:
        def of(rows: np.ndarray) -> float | None:
            there = counts[rows, 0].sum()
            return float(counts[rows, column].sum() / there) if there else None

        return of

    def right(rows: np.ndarray) -> float:
        return float(np.mean(letters[rows, 1] == 0))

    scores = {"letter_error": error(letters, 1)}
    scores |= {"word_error": error(words, 1)} if len(words) else {"words": right}
    if letters.shape[1] > 2:
        scores |= {"beam_error": error(letters, 2)}
        scores |= {"beam_word_error": error(words, 2)} if len(words) else {}
    return _bootstrapped(scores, len(letters))


_SCORES = {
    "class": _of_classes,
    "multi_label": _of_labels,
    "regression": _of_numbers,
    "mask": _of_masks,
    "tokens": _of_tags,
    "letters": _of_letters,
}


def _bootstrapped(
    scores: dict[str, Callable[[np.ndarray], float | None]], count: int
) -> dict[str, Any]:
    """Return scores of all examples, and the middle 95% of those of examples drawn with repeats."""
    rng = np.random.default_rng(0)
    draws = [rng.integers(count, size=count) for _ in range(DRAWS)]
    found: dict[str, Any] = {}
    for name, of in scores.items():
        found[name] = of(np.arange(count))
        values = [value for value in map(of, draws) if value is not None]
        ends = np.quantile(values, (0.025, 0.975)).tolist() if values else None
        found[f"interval_{name}"] = ends
    return found


def sentence(kind: str, scores: dict[str, Any], examples: int) -> str:
    """Return a line for people: every score with its interval."""
    words = {
        "accuracy": ("accuracy", 100),
        "top5": ("top-5 accuracy", 100),
        "mean_ap": ("mean average precision", 100),
        "r2": ("R2", 1),
        "mse": ("mean squared error", 1),
        "mean_iou": ("mean IoU", 100),
        "pixel_accuracy": ("pixel accuracy", 100),
        "macro_f1": ("macro-F1", 100),
        "token_accuracy": ("token accuracy", 100),
        "entity_f1": ("entity-level F1", 100),
        "letter_error": ("letter error rate", 100),
        "word_error": ("word error rate", 100),
        "words": ("words spelled rightly", 100),
        "beam_error": ("letter error rate by beam search", 100),
        "beam_word_error": ("word error rate by beam search", 100),
    }
    parts = []
    for name, (title, scale) in words.items():
        if name not in scores:
            continue
        if scores[name] is None:
            parts.append(f"{title} not defined: the targets of test are all alike")
            continue
        digits = ".1f" if scale == 100 else ".4g"
        ends = _ends(scores[f"interval_{name}"], scale, digits)
        parts.append(f"{title} {scale * scores[name]:{digits}}{ends}")
    return f"{'; '.join(parts)} ({kind.replace('_', ' ')}, {examples:,} examples)"


def _ends(interval: Sequence[float] | None, scale: float, digits: str) -> str:
    if interval is None:
        return ""
    low, high = (f"{scale * end:{digits}}" for end in interval)
    return f" (95% interval {low} to {high})"
