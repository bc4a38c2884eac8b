"""Anomaly detection: how far test examples lie from normal training examples.

The examples of one class of train are normal, and nothing else is seen. Those of the same class of
test are normal, too, all others are anomalies, and the area under the ROC curve says how well the
distance tells them apart. Each class is normal in turn, or a given one, such as the intact ones of
a set of defects. Nothing is selected.
"""

import dataclasses
from typing import Annotated

import numpy as np

from ssljax.errors import UserError
from ssljax.evaluation.anomaly import knn_distance, mahalanobis_distance
from ssljax.evaluation.protocols.base import PERCENT, Protocol, number
from ssljax.evaluation.roc import auroc, mean_auroc
from ssljax.evaluation.subject import NotMeasured
from ssljax.schema import AtLeast, AtMost, Count


@dataclasses.dataclass(frozen=True)
class Anomaly(Protocol):
    """Area under the ROC curve of k-NN and of Mahalanobis distances from normal examples.

    Attributes:
      normal: label of the class that is normal; -1: each in turn, and the mean over them
      k: nearest normal examples, to which the mean distance is taken; at most all there are
    """

    normal: Annotated[int, AtLeast(-1), AtMost(2**31 - 1)] = -1
    k: Count = 5

    main = "AUROC, k-NN distance"

    def measure(self, subject):
        subject.require_labels(classes=1)
        train, test = subject.features("train"), subject.features("test")
        scored, notes = {"k-NN": {}, "Mahalanobis": {}}, []
        for label in self._normal(train.labels, test.labels, notes):
            normal = train.features[train.labels == label]
            anomalous = test.labels != label
            k = min(self.k, len(normal))
            scored["k-NN"][label] = knn_distance(normal, test.features, k=k), anomalous
            try:
                scored["Mahalanobis"][label] = (
                    mahalanobis_distance(normal, test.features),
                    anomalous,
                )
            except UserError as reason:
                notes.append(f"class {label}: {reason}")
        numbers = {}
        for name, pairs in scored.items():
            if pairs:
                area, interval, each = mean_auroc(list(pairs.values()))
                numbers[f"AUROC, {name} distance"] = number(area, interval, unit=PERCENT, each=each)
        classes = {
            name: {str(label): auroc(*pair).area for label, pair in pairs.items()}
            for name, pairs in scored.items()
        }
        return {"numbers": numbers, "classes": classes, "notes": notes}

    def _normal(self, train: np.ndarray, test: np.ndarray, notes: list[str]) -> list[int]:
        """Return the classes that can be normal, each in turn."""
        labels, counts = np.unique(train, return_counts=True)
        both = [
            int(label)
            for label, count in zip(labels, counts, strict=True)
            if count > 1 and 0 < np.sum(test == label) < len(test)
        ]
        if self.normal >= 0:
            if self.normal not in labels:
                raise UserError(
                    f"config.evaluation.protocols.anomaly.normal={self.normal} is no class of "
                    f"train, which has {', '.join(map(str, labels))}"
                )
            if self.normal not in both:
                raise NotMeasured(
                    f"class {self.normal} needs 2 examples in train, and test some of it and some "
                    "of others"
                )
            return [self.normal]
        if not both:
            raise NotMeasured("no class has 2 examples in train, and some in test beside others")
        if len(both) < len(labels):
            notes.append(
                f"{len(labels) - len(both)} classes with fewer than 2 examples in train or none in "
                "test are never the normal one"
            )
        return both
