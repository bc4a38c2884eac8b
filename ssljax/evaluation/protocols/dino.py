"""DINO's own: k-NN, and a linear probe on the class tokens of the last blocks.

k-NN: cosine of the last class token, temperature 0.07, k of 10, 20, 100 and 200. Linear: for widths
up to 384 (ViT-S) the class tokens of the last 4 blocks, each through the last norm, side by side;
for wider ones the last class token and the mean token. SGD, momentum 0.9, no weight decay, batch
1024, half a cosine over 100 epochs, random crops and mirror images. Images: the shorter side 8/7 of
the crop (256 of 224).

Caron et al. 2021, arXiv:2104.14294; facebookresearch/dino, eval_knn.py and eval_linear.py. They
choose rate and epoch on the test set; here the rate is chosen on a held-out part of train, and the
last epoch is scored. They crop whole images, and resize tests by Pillow's bicubic filter.
"""

import dataclasses
from typing import Annotated

import jax
import jax.numpy as jnp
import numpy as np

from ssljax.evaluation.gradient_probe import Schedule, linear_head
from ssljax.evaluation.knn import knn_accuracy
from ssljax.evaluation.protocols.base import rate
from ssljax.evaluation.protocols.linear_sgd import edge_note
from ssljax.evaluation.protocols.papers import PaperProbe, features_of, images_of
from ssljax.evaluation.subject import CLS, LAYERS
from ssljax.schema import Count, NotEmpty, Positive, Temperature

SMALL = 384  # width up to which DINO takes four blocks


@dataclasses.dataclass(frozen=True)
class DINOProbe(PaperProbe):
    """k-NN and a linear probe as DINO's code has them.

    Attributes:
      neighbours: numbers of neighbours that vote
      temperature: of the weights of their votes
      epochs: passes over the training examples
      batch_size: examples of a step
      learning_rates: those that are tried, for a batch of 256; scaled with the batch
    """

    neighbours: tuple[Count, ...] = (10, 20, 100, 200)
    temperature: Temperature = 0.07
    epochs: Count = 100
    batch_size: Count = 1024
    learning_rates: Annotated[tuple[Positive, ...], NotEmpty()] = (1e-4, 1e-3, 1e-2, 1e-1)

    main = "accuracy, linear"

    def measure(self, subject):
        subject.require_labels()
        images = images_of(subject, self.size, "bilinear")
        output, notes = features_of(subject)
        pick = None
        if output == CLS:
            output, pick = LAYERS, pick_of(subject.outputs[CLS][0])
        found = self.sweep(
            subject,
            images,
            output,
            Schedule(self.epochs, by_epoch=True),
            head=linear_head,
            rates=self.learning_rates,
            batch_size=self.batch_size,
            pick=pick,
        )
        numbers = {self.main: found.pop("accuracy"), **self._neighbours(subject, images)}
        return {"numbers": numbers, **found, "notes": [*notes, *edge_note(found)]}

    def _neighbours(self, subject, images):
        output, _ = features_of(subject)
        train, test = (
            subject.features(part, output, **images.tested) for part in ("train", "test")
        )
        numbers = {}
        for k in self.neighbours:
            if k > len(train.ids):
                continue
            guesses = knn_accuracy(
                train.features,
                train.labels,
                test.features,
                test.labels,
                k=k,
                temperature=self.temperature,
            ).predictions
            numbers[f"accuracy, {k}-NN"] = rate(np.asarray(guesses) == test.labels)
        return numbers


def pick_of(width: int):
    """Return what of the layers [b, L, 2, D] of an encoder of that width is probed."""
    return last_tokens if width <= SMALL else last_token_and_mean


def last_tokens(layers: jax.Array) -> jax.Array:
    """Return the class tokens of the last four blocks, [b, 4 D]."""
    tokens = layers[:, -4:, 0]
    return tokens.reshape(len(layers), -1)


def last_token_and_mean(layers: jax.Array) -> jax.Array:
    """Return the last class token and the mean token of the last block, [b, 2 D]: entries of both
    in turn, as DINO's reshape leaves them."""
    return jnp.stack([layers[:, -1, 0], layers[:, -1, 1]], axis=-1).reshape(len(layers), -1)
