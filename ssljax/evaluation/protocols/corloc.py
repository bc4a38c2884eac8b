"""Detection by localising: whether the one box that the tokens of an image suggest is an object's.

LOST (Siméoni et al. 2021) finds a box in the tokens of each test image, without any training.
CorLoc is the share of images in which it overlaps the box of some object by an IoU of 0.5 or more.
Boxes are those of the connected regions of the classes above 0 of a mask: boxes without masks can
be painted as filled rectangles. Images without an object are left out.
"""

import dataclasses

import numpy as np

from ssljax.evaluation.intervals import wilson
from ssljax.evaluation.localise import box_iou, boxes_of, lost_box, scaled
from ssljax.evaluation.protocols.base import PERCENT, Protocol, number, rate
from ssljax.evaluation.protocols.masks import grid_of, mask_batches, require_masks
from ssljax.evaluation.subject import TOKENS, NotMeasured
from ssljax.schema import Part

_IOU = 0.5


@dataclasses.dataclass(frozen=True)
class CorLoc(Protocol):
    """Share of images whose main box, found by LOST in the tokens, is an object's by an IoU of 0.5.

    Attributes:
      expand: part of the tokens that may join LOST's seed
    """

    expand: Part = 1 / 12

    main = "CorLoc"

    def measure(self, subject):
        require_masks(subject)
        subject.require(TOKENS)
        right, whole = [], []
        for tokens, masks in mask_batches(subject, "test"):
            size = masks.shape[1:]
            grid = grid_of(tokens.shape[1], size)
            for one, mask in zip(tokens, masks, strict=True):
                boxes = boxes_of(mask)
                if boxes:
                    box = lost_box(one.reshape(*grid, -1), expand=self.expand)
                    right.append(_hits(scaled(box, grid, size), boxes))
                    whole.append(_hits((0, 0, *size), boxes))
        if not right:
            raise NotMeasured("no mask of test has a class above 0, an object")
        trivial = float(np.mean(whole))
        numbers = {
            self.main: rate(np.array(right)),
            "CorLoc of the whole image": number(
                trivial, wilson(trivial, len(whole)), unit=PERCENT, better=""
            ),
        }
        return {"numbers": numbers}


def _hits(box, boxes) -> bool:
    return max(box_iou(box, one) for one in boxes) >= _IOU
