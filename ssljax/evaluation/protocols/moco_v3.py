"""MoCo v3's own: a linear probe on the class token by SGD, over a sweep of learning rates.

SGD, momentum 0.9, no weight decay, batch 1024, half a cosine over 90 epochs, random crops and
mirror images. A ResNet has no class token: its pooled features.

Chen et al. 2021, arXiv:2104.02057; facebookresearch/moco-v3, main_lincls.py, which chooses rate and
epoch on the test set; here the rate is chosen on a held-out part of train, and the last epoch is
scored.
"""

import dataclasses
from typing import Annotated

from ssljax.evaluation.gradient_probe import Schedule, linear_head
from ssljax.evaluation.protocols.linear_sgd import edge_note
from ssljax.evaluation.protocols.papers import PaperProbe, features_of, images_of
from ssljax.schema import Count, NotEmpty, Positive


@dataclasses.dataclass(frozen=True)
class MoCoV3Probe(PaperProbe):
    """A linear probe as MoCo v3's code has it.

    Attributes:
      epochs: passes over the training examples
      batch_size: examples of a step
      learning_rates: those that are tried, for a batch of 256; scaled with the batch
    """

    epochs: Count = 90
    batch_size: Count = 1024
    learning_rates: Annotated[tuple[Positive, ...], NotEmpty()] = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)

    main = "accuracy"

    def measure(self, subject):
        output, notes = features_of(subject)
        found = self.sweep(
            subject,
            images_of(subject, self.size, "bilinear"),
            output,
            Schedule(self.epochs, by_epoch=True),
            head=linear_head,
            rates=self.learning_rates,
            batch_size=self.batch_size,
        )
        numbers = {"accuracy": found.pop("accuracy")}
        return {"numbers": numbers, **found, "notes": [*notes, *edge_note(found)]}
