"""Semantic segmentation by a linear head on frozen tokens.

The head is a logistic regression from the tokens to the class of each pixel, whose logits are
upsampled bilinearly to the mask. It is fitted on a random sample of pixels of all training images;
its regularisation is selected by mean IoU on a sample of pixels of held-out training images. Raw
input has patches of pixels as tokens: what intensity and place within the patch tell by themselves.
DINOv2's linear head is of this kind, trained by SGD on augmented images (Oquab et al. 2023).
"""

import dataclasses
from typing import Annotated

import numpy as np

from ssljax.evaluation.linear import GRID, fit, path
from ssljax.evaluation.protocols.base import PERCENT, Protocol, number
from ssljax.evaluation.protocols.masks import grid_of, mask_batches, require_masks
from ssljax.evaluation.segmentation import (
    Counts,
    class_iou,
    count_pixels,
    mask_scores,
    pixel_features,
    predict_masks,
)
from ssljax.evaluation.subject import TOKENS, NotMeasured
from ssljax.schema import AtLeast, AtMost

_HELD = 0.2  # of the training images, to select the regularisation on


@dataclasses.dataclass(frozen=True)
class Segmentation(Protocol):
    """Mean IoU and pixel accuracy of a linear head on tokens, upsampled to the masks.

    Attributes:
      pixels: of all training images together that the head is fitted on, as many of each
    """

    pixels: Annotated[int, AtLeast(100), AtMost(10_000_000)] = 50_000

    main = "mIoU"

    def measure(self, subject):
        require_masks(subject)
        subject.require(TOKENS)
        features, labels, image = self._sample(subject)
        if len(np.unique(labels)) < 2:
            raise NotMeasured("the training masks have fewer than 2 classes")
        l2, selection = self._select(features, labels, image, seed=subject.seed)
        classifier = fit(features, labels, l2=l2)
        truth = subject.examples.targets("test")
        if not (truth >= 0).any():
            raise NotMeasured("no pixel of test has a class")
        classes = np.union1d(labels, truth[truth >= 0])
        counted = []
        for tokens, masks in mask_batches(subject, "test"):
            grid = grid_of(tokens.shape[1], masks.shape[1:])
            taken = predict_masks(classifier, tokens, grid, masks.shape[1:])
            counted.append(count_pixels(masks, taken, classes))
        counts = Counts(*(np.concatenate(one) for one in zip(*counted, strict=True)))
        scores = mask_scores(counts)
        numbers = {
            "mIoU": number(scores.miou, unit=PERCENT, resamples=scores.mious),
            "pixel accuracy": number(scores.accuracy, unit=PERCENT, resamples=scores.accuracies),
        }
        by_class = {
            str(label): float(one)
            for label, one in zip(classes, class_iou(counts), strict=True)
            if np.isfinite(one)
        }
        return {"numbers": numbers, "iou": by_class, "rows": len(labels), "l2": l2, **selection}

    def _sample(self, subject) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return features [m, d], classes [m] and the image [m] of pixels drawn from train."""
        each = max(1, self.pixels // subject.examples.counts["train"])
        found, number_of = [], 0
        for tokens, masks in mask_batches(subject, "train"):
            size = masks.shape[1:]
            grid = grid_of(tokens.shape[1], size)
            for one, mask in zip(tokens, masks, strict=True):
                generator = np.random.default_rng(number_of)  # the same pixels for all encoders
                marked = np.flatnonzero(mask >= 0)
                drawn = generator.choice(marked, min(each, len(marked)), replace=False)
                at = np.unravel_index(drawn, size)
                images = np.full(len(drawn), number_of)
                found.append((pixel_features(one, grid, size, at), mask[at], images))
                number_of += 1
        return tuple(np.concatenate(one) for one in zip(*found, strict=True))

    def _select(self, features, labels, image, *, seed: int) -> tuple[float, dict]:
        """Return the L2 strength of the best mean IoU on held-out images, and what was tried."""
        images = np.unique(image)
        count = min(max(1, round(_HELD * len(images))), len(images) - 1)
        held = np.isin(image, np.random.default_rng(seed).permutation(images)[:count])
        if not held.any() or len(np.unique(labels[~held])) < 2:
            return 1e-3, {"tried": {}}
        classes, strengths = np.unique(labels), sorted(GRID, reverse=True)
        tried = {}
        fitted = path(features[~held], labels[~held], strengths)
        for l2, classifier in zip(strengths, fitted, strict=True):
            taken = classifier.predict(features[held])
            tried[l2] = _mean_iou(count_pixels(labels[held][None], taken[None], classes))
        best = max(tried, key=lambda l2: (tried[l2], l2))
        return best, {"tried": {f"{l2:g}": iou for l2, iou in tried.items()}}


def _mean_iou(counts: Counts) -> float:
    return float(np.nanmean(class_iou(counts)))
