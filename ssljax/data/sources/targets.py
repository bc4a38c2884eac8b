"""Targets as a data set has them, made what batches hold: the field "label" of any kind.

| array of a file | kind, see `ssljax.spec.target_kind` | in a batch |
|---|---|---|
| strings [n]; whole numbers from 0 [n] or [n, 1] | class | int32 [B] |
| whole numbers or bool [n, K], each 0 or 1 | multi_label | uint8 [B, K] |
| floats [n, K], also K = 1; floats [n], not all whole numbers | regression | float32 [B, K] |
| whole numbers [n, h, w], one for each pixel, -1 or (of uint8) 255: none | mask | int32 [B, h, w] |
| a tag for each word of a text (`ssljax.data.sources.tags`) | tokens | int32 [B, N] |
| none: the names of classes (`ssljax.data.sources.spelled`) | letters | int32 [B, L] |
"""

from collections.abc import Sequence

import numpy as np

from ssljax.data.sources.labels import are_names, checked
from ssljax.errors import UserError
from ssljax.spec import Field

NOT_MARKED = -1  # a pixel without a class
_NOT_MARKED_BYTE = 255  # its usual value in masks of bytes, as those of Pascal VOC


def kind_of_arrays(arrays: Sequence[np.ndarray], what: str) -> str:
    """Return the kind of target that the labels of all splits are, "class" and so on.

    All of them decide: where those of one split are fractions, the whole numbers of another are
    numbers to regress too.

    Raises:
      UserError: they are of no kind, or of several.
    """
    kinds = {_kind(array, what) for array in arrays}
    if kinds == {"class", "regression"} and not any(map(are_names, arrays)):
        return "regression"
    if len(kinds) > 1:
        raise UserError(f"{what} is of several kinds: {', '.join(sorted(kinds))}")
    return kinds.pop()


def _kind(array: np.ndarray, what: str) -> str:
    if are_names(array) or array.ndim == 1:
        fractions = array.dtype.kind == "f" and (array != np.floor(array))[np.isfinite(array)].any()
        return "regression" if fractions else "class"
    if array.ndim == 2 and array.dtype.kind == "f":
        return "regression"
    if array.ndim == 2:
        return "class" if array.shape[1] == 1 else "multi_label"
    if array.ndim == 3 or (array.ndim == 4 and array.shape[-1] == 1):
        return "mask"
    raise UserError(
        f"{what} must be [n] classes, [n, K] labels of 0 or 1, [n, K] floats to regress, or [n, h, "
        f"w] masks; its shape is {array.shape}"
    )


def as_targets(array: np.ndarray, kind: str, what: str) -> np.ndarray:
    """Return targets [n, ...] of a kind, in the dtype and shape of batches.

    Raises:
      UserError: values that the kind does not have; the message begins with `what`.
    """
    if array.dtype.kind not in "biuf":
        raise UserError(
            f"{what} must be numbers for targets of the kind {kind}; it is {array.dtype}"
        )
    return _CONVERT[kind](array, what)


def _classes(array: np.ndarray, what: str) -> np.ndarray:
    return checked(array.reshape(len(array)), what).astype(np.int32)


def _multi_label(array: np.ndarray, what: str) -> np.ndarray:
    if not ((array == 0) | (array == 1)).all():
        raise UserError(
            f"{what} of {array.shape[1]} whole numbers for each example are labels that are there "
            f"(1) or not (0); it has {array.min()} to {array.max()}. Store one class as [n], and "
            "numbers to regress as floats"
        )
    return array.astype(np.uint8)


def _regression(array: np.ndarray, what: str) -> np.ndarray:
    with np.errstate(over="ignore"):
        array = array.reshape(len(array), -1).astype(np.float32)
    wrong = ~np.isfinite(array).all(axis=1)
    if wrong.any():
        raise UserError(
            f"{what} must be finite 32-bit numbers, and those of {int(wrong.sum())} of "
            f"{len(array)} examples are not (NaN, infinite or too large), first of example "
            f"{int(np.argmax(wrong))}; leave those examples out"
        )
    return array


def _masks(array: np.ndarray, what: str) -> np.ndarray:
    if array.ndim == 4:
        array = array[..., 0]
    if array.dtype.kind == "f" and not (array == np.floor(array)).all():
        raise UserError(f"{what} of a number for each pixel must be classes, whole numbers from 0")
    if array.dtype == np.uint8:
        return np.where(array == _NOT_MARKED_BYTE, NOT_MARKED, array.astype(np.int32))
    if array.size and (array.min() < NOT_MARKED or array.max() >= 2**31):
        raise UserError(
            f"{what} must be classes of pixels, whole numbers from 0, and {NOT_MARKED} where there "
            f"is none; it has {array.min()} to {array.max()}"
        )
    return array.astype(np.int32)


def _tags(array: np.ndarray, what: str) -> np.ndarray:
    if array.dtype.kind not in "iu" or (array.size and array.max() >= 2**31):
        raise UserError(f"{what} of a number for each token must be classes, whole numbers")
    return array.astype(np.int32)


_CONVERT = {
    "class": _classes,
    "multi_label": _multi_label,
    "regression": _regression,
    "mask": _masks,
    "tokens": _tags,
    "letters": _tags,
}


def target_field(targets: np.ndarray, classes: int | None = None) -> Field:
    """Return the field of targets [n, ...] as `as_targets` gives them.

    Args:
      targets: of one split.
      classes: their number where the targets are classes; None: not known. Those of masks are
        counted, and those of tokens if need be.
    """
    tags = targets.ndim == 2 and targets.dtype == np.int32
    if targets.ndim == 3 or (tags and not classes):
        classes = 1 + int(targets.max(initial=0))
    elif targets.ndim == 2 and not tags:
        classes = 0
    return Field("label", tuple(targets.shape[1:]), str(targets.dtype), classes=classes or 0)


def require_one_for_each(targets: np.ndarray, images: np.ndarray, what: str) -> None:
    """Raise a UserError unless targets belong to images [n, h, w, c]: as many, masks as large."""
    if len(targets) != len(images):
        raise UserError(
            f"{what} must be one label for each of the {len(images)} images, its shape is "
            f"{targets.shape}"
        )
    if targets.ndim == 3 and targets.shape[1:] != images.shape[1:3]:
        raise UserError(
            f"{what} has masks of {'x'.join(map(str, targets.shape[1:]))} pixels, and the images "
            f"are of {'x'.join(map(str, images.shape[1:3]))}; a mask has a class for each pixel"
        )
