"""Accuracy under corruptions of growing strength.

A probe is fitted on clean train, with its regularisation selected there. Test examples are then
corrupted in every way that their modality names (`Modality.corruptions`), at strengths 1 to 5. The
draws depend on the position of an example alone: every run and every encoder sees the same
corrupted test set. Mean corrupted accuracy is the mean over kinds and strengths.
"""

import dataclasses
import functools
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from ssljax.evaluation.features import Batch
from ssljax.evaluation.intervals import wilson
from ssljax.evaluation.protocols.base import PERCENT, Protocol, number, rate
from ssljax.evaluation.protocols.changed import changed_features
from ssljax.evaluation.protocols.probes import Probe, fitted
from ssljax.evaluation.spectrum import evenly
from ssljax.evaluation.subject import NotMeasured, Subject
from ssljax.modalities import modality_of
from ssljax.ops.degrade import STRENGTHS
from ssljax.ops.keys import key_for, per_example
from ssljax.spec import Field

_BANK = 1000  # training examples that a corruption may draw from


@dataclasses.dataclass(frozen=True)
class Corrupted:
    """Corrupted examples, of one kind of corruption.

    Attributes:
      name: of the field that is corrupted.
      kind: one of the corruptions of its modality.
      field: what the field is like.
    """

    name: str
    kind: str
    field: Field

    def __call__(self, key: Any, strength: int, bank: Any, batch: Batch) -> dict[str, Any]:
        """Return the field; it depends on the key, the strength, the bank and "id"."""
        made = _corrupt(self, key, np.int32(strength), bank, batch["id"], batch[self.name])
        return {self.name: made}


@functools.partial(jax.jit, static_argnums=0)
def _corrupt(one: Corrupted, key, strength, bank, ids, value):
    corrupt = modality_of(one.field).corruptions(one.field)[one.kind]
    return corrupt(per_example(key, ids), value, strength, bank)


@dataclasses.dataclass(frozen=True)
class Robustness(Protocol):
    """Accuracy of a probe, fitted on clean train, on test examples that are corrupted ever more.

    Attributes:
      probe: "linear" or "knn"
    """

    probe: Probe = "linear"

    main = "mean corrupted accuracy"

    def measure(self, subject):
        subject.require_labels()
        kinds = [
            Corrupted(name, kind, field)
            for name, field in subject.examples.fields.items()
            for kind in modality_of(field).corruptions(field)
        ]
        if not kinds:
            raise NotMeasured("there is no corruption of such data")
        train, test = subject.features("train"), subject.features("test")
        predict, about = fitted(self.probe, train.features, train.labels, seed=subject.seed)
        bank = _bank(subject)
        numbers, grid, right = {}, {}, []
        for kind in kinds:
            title = kind.kind.replace("_", " ")
            if len(subject.examples.fields) > 1:
                title = f"{kind.name}, {title}"
            found = [predict(one) == test.labels for one in _corrupted(subject, kind, bank)]
            numbers[title] = _mean(found)
            grid[title] = {
                str(strength): {"accuracy": float(one.mean()), "interval": _wilson(one)}
                for strength, one in zip(STRENGTHS, found, strict=True)
            }
            right += found
        clean = rate(predict(test.features) == test.labels)
        numbers = {self.main: _mean(right), "clean accuracy": clean, **numbers}
        return {"numbers": numbers, "strengths": grid, **about}


def _bank(subject: Subject) -> Batch:
    """Return a batch of training examples, spread evenly."""
    order = evenly(np.arange(subject.examples.counts["train"]), _BANK)
    (bank,) = subject.examples.read("train", order=order, batch_size=len(order))
    return bank


def _corrupted(subject: Subject, kind: Corrupted, bank: Batch) -> Iterator[np.ndarray]:
    """Yield the features of the corrupted test examples, strength by strength."""
    seed = 0  # not the run's: all runs see the same corrupted test set
    key = key_for(seed, f"{kind.name}, {kind.kind}", 0)
    for strength in STRENGTHS:
        change = functools.partial(kind, key, strength, bank[kind.name])
        yield changed_features(subject, "test", change).features


def _mean(right: list[np.ndarray]) -> dict[str, Any]:
    """Return the mean accuracy, with its normal 95% interval over test examples."""
    each = np.mean(right, axis=0)  # of an example, over corruptions
    spread = 1.96 * each.std(ddof=1) / np.sqrt(len(each)) if len(each) > 1 else 1.0
    mean = float(each.mean())
    interval = max(0.0, mean - spread), min(1.0, mean + spread)
    return number(mean, interval, unit=PERCENT, each=each)


def _wilson(right: np.ndarray) -> list[float]:
    return list(wilson(float(right.mean()), len(right)))
