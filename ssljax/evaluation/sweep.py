"""A probe over a sweep of learning rates, one of which is chosen on a held-out part of train."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ssljax.evaluation.features import on_host
from ssljax.evaluation.gradient_probe import Batches, Head, Schedule, Trained, logits, train
from ssljax.evaluation.linear import stratified_split
from ssljax.evaluation.protocols.base import rate
from ssljax.evaluation.subject import NotMeasured, Subject
from ssljax.ops.augment import Augmentation, multi_crop
from ssljax.ops.keys import per_example

Array = jax.Array


@dataclasses.dataclass(frozen=True)
class Crop:
    """The augmentation of linear probes: a random crop resized, mirrored in half of all cases.

    Attributes:
      name: of the field of images.
      size: side of the crop in pixels.
      interpolation: "bilinear" or "bicubic".
      scale: least and greatest part of the area.
    """

    name: str
    size: int
    interpolation: str = "bilinear"
    scale: tuple[float, float] = (0.08, 1.0)

    def __call__(self, key: Array, fields: Mapping[str, Any]) -> dict[str, Any]:
        view = Augmentation(
            size=self.size, crop_scale=self.scale, interpolation=self.interpolation, flip=0.5
        )
        keys = per_example(key, fields["id"])
        return {self.name: multi_crop({"crop": view}, keys, fields[self.name])["crop"][:, 0]}


def crop_of(subject: Subject, *, size: int = 0, interpolation: str = "bilinear") -> Crop | None:
    """Return the augmentation for a subject; None where it does not see square images alone."""
    (name, field), *others = subject.examples.fields.items()
    if others or field.modality != "image":
        return None
    if not size and field.shape[0] != field.shape[1]:
        return None
    return Crop(name, size or field.shape[0], interpolation)


@dataclasses.dataclass(frozen=True)
class Sweep:
    """What a probe by gradient steps depends on.

    Attributes:
      output: of the encoder that is probed.
      head: `head(shape, classes)` makes the probe of rows of that shape.
      rates: learning rates for a batch of 256, tried at once; see `rate`.
      schedule: of the training.
      batch_size: examples of a step; all there are, if they are fewer.
      holdout: part of each class of train on which the rate is chosen.
      pick: what of the rows is probed, a pure function; None: all.
      transform: augmentation of training examples; None: features are computed once.
      shown: size and shorter side of images in tests, see `Subject.encoded`.
      trained_on: the same of training examples that `transform` crops.
    """

    output: str
    head: Callable[[tuple[int, ...], int], Head]
    rates: tuple[float, ...]
    schedule: Schedule
    batch_size: int = 256
    holdout: float = 0.1
    pick: Callable[[Array], Array] | None = None
    transform: Any = None
    shown: Mapping[str, int] = dataclasses.field(default_factory=dict)
    trained_on: Mapping[str, int] = dataclasses.field(default_factory=dict)

    def classify(self, subject: Subject) -> dict[str, Any]:
        """Return the accuracy on test and how it came about.

        With several rates, all are trained on train without the held-out part; the best there is
        trained anew on all of train, and that probe is scored on test.

        Returns:
          "accuracy", see `rate`; "learning_rate", for a batch of 256; "tried", accuracy on the
          held-out part by rate; "at_edge", whether the best is the outermost of several; "loss" of
          the last epoch.

        Raises:
          NotMeasured: no class labels, nothing can be held out, or a loss that is not finite.
        """
        subject.require(self.output)
        subject.require_labels()
        labels = subject.examples.targets("train")
        classes, targets = np.unique(labels, return_inverse=True)
        found: dict[str, Any] = {}
        best = self.rates[0]
        if len(self.rates) > 1:
            kept, held = stratified_split(labels, self.holdout, subject.seed)
            swept = self._trained(subject, kept, targets, len(classes), self.rates)
            guesses = self._guesses(subject, swept, len(classes), "train", held)
            scores = np.mean(guesses == targets[held], axis=1)
            best = self.rates[int(np.argmax(scores))]
            found["tried"] = {
                f"{one:g}": float(score) for one, score in zip(self.rates, scores, strict=True)
            }
            found["at_edge"] = best in (min(self.rates), max(self.rates))
            found["heldout_examples"] = len(held)
        trained = self._trained(subject, np.arange(len(labels)), targets, len(classes), (best,))
        if not np.isfinite(trained.losses[0]):
            raise NotMeasured(f"the loss with learning rate {best:g} is not finite")
        truth = subject.examples.targets("test")
        guesses = self._guesses(subject, trained, len(classes), "test", np.arange(len(truth)))
        return {
            "accuracy": rate(classes[guesses[0]] == truth),
            "learning_rate": best,
            "loss": float(trained.losses[0]),
            **found,
        }

    def _head(self, subject: Subject, classes: int) -> Head:
        shape = subject.outputs[self.output]
        if self.pick is None:
            return self.head(shape, classes)
        made = jax.eval_shape(self.pick, jax.ShapeDtypeStruct((2, *shape), jnp.float32))
        head = self.head(made.shape[1:], classes)
        return head._replace(apply=_Picked(self.pick, head.apply))

    def _trained(
        self,
        subject: Subject,
        chosen: np.ndarray,
        targets: np.ndarray,
        classes: int,
        rates: tuple[float, ...],
    ) -> Trained:
        size = min(self.batch_size, len(chosen))

        def epoch(number: int) -> Batches:
            generator = np.random.default_rng((subject.seed, number))
            for rows, ids, valid in subject.rows(
                "train",
                self.output,
                order=generator.permutation(chosen),
                batch_size=size,
                transform=self.transform,
                seed=int(generator.integers(2**32)),
                **(self.shown if self.transform is None else self.trained_on),
            ):
                yield rows, targets[ids], valid

        return train(
            self._head(subject, classes),
            np.array(rates) * size / 256,
            self.schedule,
            epoch,
            -(-len(chosen) // size),
            seed=subject.seed,
        )

    def _guesses(
        self, subject: Subject, trained: Trained, classes: int, part: str, chosen: np.ndarray
    ) -> np.ndarray:
        """Return int[R, n], the numbers of the classes that each rate's probe gives."""
        head, found = self._head(subject, classes), []
        for rows, valid in self._seen(subject, part, chosen):
            guessed = jnp.argmax(logits(head, trained, rows), axis=-1).T  # rows first, as they lie
            found.append(on_host(guessed)[valid])
        return np.concatenate(found).T

    def _seen(
        self, subject: Subject, part: str, chosen: np.ndarray
    ) -> Iterator[tuple[Array, np.ndarray]]:
        size = min(subject.examples.batch_size, len(chosen))
        for rows, _, valid in subject.rows(
            part, self.output, order=chosen, batch_size=size, **self.shown
        ):
            yield rows, valid


@dataclasses.dataclass(frozen=True)
class _Picked:
    pick: Callable[[Array], Array]
    apply: Callable[[Any, Array], Array]

    def __call__(self, params: Any, rows: Array) -> Array:
        return self.apply(params, self.pick(rows))
