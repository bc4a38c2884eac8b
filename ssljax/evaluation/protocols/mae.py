"""MAE's own: BatchNorm without learned scale and a linear probe on the class token, by LARS.

LARS, momentum 0.9, no weight decay, batch 16,384 (all of train where it is smaller), rate 0.1 for a
batch of 256, 10 epochs of warm-up and half a cosine over 90 epochs, random crops and mirror images.

He et al. 2021, arXiv:2111.06377, table 10; facebookresearch/mae, main_linprobe.py and util/lars.py,
which scores the test set after every epoch and reports the best; here the last epoch is scored. The
last, smaller batch of an epoch is used, and not dropped. LARS moves weights by a part of their
norm: with far fewer steps than the 7,000 on ImageNet the probe is hardly trained; a note says so.
"""

import dataclasses
import functools
from typing import Annotated

from ssljax.evaluation.gradient_probe import Schedule, linear_head
from ssljax.evaluation.protocols.linear_sgd import edge_note
from ssljax.evaluation.protocols.papers import PaperProbe, features_of, images_of
from ssljax.schema import Count, NotEmpty, Positive, Size

FEW_STEPS = 1_000


@dataclasses.dataclass(frozen=True)
class MAEProbe(PaperProbe):
    """A linear probe as MAE's code has it.

    Attributes:
      epochs: passes over the training examples
      warmup_epochs: those in which the rate rises from 0
      batch_size: examples of a step
      learning_rates: those that are tried, for a batch of 256; scaled with the batch
    """

    epochs: Count = 90
    warmup_epochs: Size = 10
    batch_size: Count = 16_384
    learning_rates: Annotated[tuple[Positive, ...], NotEmpty()] = (0.1,)

    main = "accuracy"

    def measure(self, subject):
        output, notes = features_of(subject)
        found = self.sweep(
            subject,
            images_of(subject, self.size, "bicubic"),
            output,
            Schedule(self.epochs, optimizer="lars", warmup_epochs=self.warmup_epochs),
            head=functools.partial(linear_head, norm=True),
            rates=self.learning_rates,
            batch_size=self.batch_size,
        )
        examples = len(subject.examples.targets("train"))
        steps = self.epochs * -(-examples // min(self.batch_size, examples))
        if steps < FEW_STEPS:
            notes.append(
                f"it took {steps:,} steps (7,000 on ImageNet), so that the probe is hardly "
                "trained; a smaller batch_size and larger learning_rates suit small data"
            )
        numbers = {"accuracy": found.pop("accuracy")}
        return {"numbers": numbers, **found, "notes": [*notes, *edge_note(found)]}
