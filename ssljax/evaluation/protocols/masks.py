"""Tokens of images beside their masks, for protocols of pixels."""

import math
from collections.abc import Iterator

import numpy as np

from ssljax.evaluation.features import on_host
from ssljax.evaluation.subject import TOKENS, NotMeasured, Subject


def require_masks(subject: Subject) -> None:
    """Raise NotMeasured unless the targets of train and test are masks."""
    train = subject.examples.targets("train")
    whole = train is not None and np.issubdtype(train.dtype, np.integer)
    if not (whole and train.ndim == 3 and "test" in subject.examples.counts):
        raise NotMeasured("it needs masks, a class for each pixel, in train and test")


def mask_batches(subject: Subject, part: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield tokens float32[b, N, d] and masks int[b, h, w] of all images of a part, in order."""
    for tokens, batch in subject.encoded(part, TOKENS):
        valid = on_host(batch["valid"])
        yield on_host(tokens)[valid].astype(np.float32), on_host(batch["label"])[valid]


def grid_of(tokens: int, size: tuple[int, int]) -> tuple[int, int]:
    """Return rows and columns of the tokens of an image, in its proportions.

    Raises:
      NotMeasured: they are no grid.
    """
    rows = max(1, math.isqrt(tokens * size[0] // size[1]))
    if tokens % rows:
        raise NotMeasured(f"{tokens} tokens are no grid on images of {size[0]}x{size[1]} pixels")
    return rows, tokens // rows
