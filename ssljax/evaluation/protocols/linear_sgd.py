"""A linear probe trained by SGD with augmentation, over a sweep of learning rates at once.

Features of a random crop of each image are computed anew in each epoch, by the frozen encoder; for
other data, and for images that are not square, once. All rates are trained on the same batches, on
train without a held-out part; the best there is trained on all of train, and scored on test once.

As DINOv2's eval/linear.py (the sweep), DINO's eval_linear.py and MoCo v3's main_lincls.py
(momentum 0.9, no weight decay, half a cosine), which choose on the test set. The normalisation is
MAE's (main_linprobe.py): BatchNorm without learned scale.
"""

import dataclasses
import functools
from typing import Annotated

from ssljax.evaluation.gradient_probe import Schedule, linear_head
from ssljax.evaluation.protocols.base import Protocol
from ssljax.evaluation.sweep import Sweep, crop_of
from ssljax.schema import Count, Decay, NotEmpty, OpenShare, Positive

RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)


@dataclasses.dataclass(frozen=True)
class LinearSGD(Protocol):
    """Softmax of a linear map, cross entropy, SGD.

    Attributes:
      epochs: passes over the training examples
      batch_size: examples of a step
      learning_rates: those that are tried, for a batch of 256; scaled with the batch
      momentum: decay of the sum of gradients
      augment: whether images are cropped at random and mirrored
      normalize: whether features are normalised over the batch, so that rates mean the same for all
      holdout: part of each class of train on which the rate is chosen
      output: name of the objective's output; "": the one that is evaluated
    """

    epochs: Count = 30
    batch_size: Count = 256
    learning_rates: Annotated[tuple[Positive, ...], NotEmpty()] = RATES
    momentum: Decay = 0.9
    augment: bool = True
    normalize: bool = True
    holdout: OpenShare = 0.1
    output: str = ""

    main = "accuracy"

    def measure(self, subject):
        crop = crop_of(subject) if self.augment else None
        found = Sweep(
            self.output,
            functools.partial(linear_head, norm=self.normalize),
            self.learning_rates,
            Schedule(self.epochs, momentum=self.momentum),
            self.batch_size,
            self.holdout,
            transform=crop,
        ).classify(subject)
        notes = edge_note(found)
        if self.augment and crop is None:
            notes.append("without augmentation, which is of square images")
        return {"numbers": {"accuracy": found.pop("accuracy")}, **found, "notes": notes}


def edge_note(found: dict) -> list[str]:
    """Return a note if the best of several rates is the outermost."""
    if not found.get("at_edge"):
        return []
    return [f"the best learning rate {found['learning_rate']:g} is the outermost one tried"]
