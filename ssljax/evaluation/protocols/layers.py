"""A probe of every layer: logistic regression or k-NN on the mean token of each block or stage.

The last layers of a masked autoencoder serve its decoder, and those of a contrastive encoder its
projector: the best features often lie before. Each layer is probed by itself, as everywhere: the
regularisation is chosen on a held-out part of train, and so is the layer whose accuracy is the main
number.
"""

import dataclasses
from typing import Literal

import numpy as np

from ssljax.evaluation.knn import knn_accuracy
from ssljax.evaluation.linear import fit, select, stratified_split
from ssljax.evaluation.protocols.base import Protocol, rate
from ssljax.evaluation.subject import LAYERS
from ssljax.schema import Count, OpenShare, Temperature

TOKEN = {"cls": 0, "mean": 1}


@dataclasses.dataclass(frozen=True)
class Layers(Protocol):
    """Accuracy by layer, and of the layer that is best on held-out train.

    Attributes:
      probe: what is fitted to each layer
      token: the class token (the mean where there is none) or the mean of the others
      knn_k: knn: neighbours that vote
      knn_temperature: knn: temperature of the weights of their votes
      holdout: part of each class of train on which the regularisation and the layer are chosen
    """

    probe: Literal["linear", "knn"] = "linear"
    token: Literal["cls", "mean"] = "mean"
    knn_k: Count = 20
    knn_temperature: Temperature = 0.07
    holdout: OpenShare = 0.2

    main = "accuracy, best layer"

    def measure(self, subject):
        subject.require(LAYERS)
        subject.require_labels()
        train, test = subject.features("train", LAYERS), subject.features("test", LAYERS)
        at = TOKEN[self.token]
        probe = self._linear if self.probe == "linear" else self._knn
        heldout, rights = [], []
        for layer in range(train.features.shape[1]):
            one = train.features[:, layer, at], train.labels
            score, guesses = probe(*one, test.features[:, layer, at], subject.seed)
            heldout.append(score)
            rights.append(guesses == test.labels)
        best = int(np.argmax(heldout))
        numbers = {self.main: rate(rights[best])}
        numbers |= {f"accuracy, layer {i + 1}": rate(right) for i, right in enumerate(rights)}
        return {"numbers": numbers, "best": best + 1, "heldout_accuracy": heldout}

    def _linear(self, train, labels, test, seed):
        choice = select(train, labels, holdout=self.holdout, seed=seed)
        return choice.accuracy, fit(train, labels, l2=choice.l2).predict(test)

    def _knn(self, train, labels, test, seed):
        kept, held = stratified_split(labels, self.holdout, seed)

        def voted(bank, bank_labels, queries):
            k = min(self.knn_k, len(bank))
            none = np.zeros(len(queries), np.int64)  # truth of the queries, which is not asked for
            options = {"k": k, "temperature": self.knn_temperature}
            return knn_accuracy(bank, bank_labels, queries, none, **options).predictions

        score = float(np.mean(voted(train[kept], labels[kept], train[held]) == labels[held]))
        return score, voted(train, labels, test)
