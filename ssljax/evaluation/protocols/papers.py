"""What the papers' own linear protocols share: sizes of images, features, augmentation."""

import dataclasses
from typing import Any, NamedTuple

from ssljax.evaluation.gradient_probe import Schedule
from ssljax.evaluation.protocols.base import Protocol
from ssljax.evaluation.subject import CLS, Subject
from ssljax.evaluation.sweep import Crop, Sweep, crop_of
from ssljax.schema import OpenShare, PixelsOrNone

NO_CLASS_TOKEN = "no class token: the features are those that are evaluated"


class Images(NamedTuple):
    """How images are shown.

    Attributes:
      tested: "shorter" and "size" of images in tests, see `Subject.encoded`.
      trained: the same of what crops are taken from.
      crop: the augmentation; None where the data are no square images.
    """

    tested: dict[str, int]
    trained: dict[str, int]
    crop: Crop | None


def images_of(subject: Subject, size: int, interpolation: str) -> Images:
    """Return how a paper's protocol shows images: the shorter side 8/7 of the size, as 256 of 224.

    Random crops are taken of the middle square of that side, not of the whole image, whose corners
    are lost to them.

    Args:
      subject: what is measured.
      size: of the crop in pixels; 0: as the evaluation has it.
      interpolation: of the random crops.
    """
    crop = crop_of(subject, size=size, interpolation=interpolation)
    if crop is None:
        return Images({}, {}, None)
    shorter = round(crop.size * 8 / 7)
    tested = {"shorter": shorter, "size": crop.size}
    return Images(tested, {"shorter": shorter, "size": shorter}, crop)


def features_of(subject: Subject) -> tuple[str, list[str]]:
    """Return the output of the class token, without one that which is evaluated; and notes."""
    if CLS in subject.outputs:
        return CLS, []
    return "", [] if subject.row == "raw_input" else [NO_CLASS_TOKEN]


@dataclasses.dataclass(frozen=True)
class PaperProbe(Protocol):
    """The fields of all of them.

    Attributes:
      size: side of images in pixels; 0: as the evaluation has it
      holdout: part of each class of train on which the learning rate is chosen, if several are
        tried
    """

    size: PixelsOrNone = 0
    holdout: OpenShare = 0.1

    def sweep(
        self, subject: Subject, images: Images, output: str, schedule: Schedule, **options: Any
    ) -> dict[str, Any]:
        """Return what `Sweep.classify` finds; options are those of `Sweep`."""
        return Sweep(
            output,
            schedule=schedule,
            holdout=self.holdout,
            transform=images.crop,
            shown=images.tested,
            trained_on=images.trained,
            **options,
        ).classify(subject)
