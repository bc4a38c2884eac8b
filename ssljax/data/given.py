"""Examples that are in memory, as arrays or lists, brought to what a run reads."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ssljax.data import images
from ssljax.data.host import ONE_CLIP, Sampling, fixed, stack
from ssljax.data.series import fill, segments_of
from ssljax.data.sound import to_int16
from ssljax.data.sources.texts import checked_text
from ssljax.data.sources.tokenized import objects
from ssljax.data.tokenizers.base import Tokenizer, encode_pairs, field_of
from ssljax.errors import UserError
from ssljax.ops.pixels import check_range
from ssljax.spec import Field, Value

Given = np.ndarray | Sequence[Any]


def prepared(
    values: Given,
    field: Field,
    name: str,
    *,
    size: images.Size | None = None,
    shorter: int = 0,
    clips: Sampling = ONE_CLIP,
    tokenizer: Tokenizer | None = None,
) -> np.ndarray | Value:
    """Return examples as a batch holds them.

    Args:
      values: images [n, h, w, c] or a list of images [h, w, c] of any sizes, uint8, uint16 or
        floats in [0, 1]; series [n, T, C] or a list of series [T, C], where NaN is no value; rows
        of a table [n, M]; waves, a list of int16 [S] or of floats in [-1, 1], of the run's sampling
        rate; texts, a list of str, of (str, str) where the run reads pairs of sentences, or ids int
        [n, N] with -1 after the end; videos uint8 [n, T, h, w, c] or a list of videos [T, h, w, c]
        of any lengths. Channels of one may be left out: images [n, h, w].
      field: what the run reads.
      name: of the field, for messages.
      size: that images are resized and cropped to; by default that of the field.
      shorter: what the shorter side of images is resized to before, see `epoch`.
      clips: how they are taken of videos.
      tokenizer: of the run, for texts that are str; None: their bytes.

    Raises:
      UserError: they are not such examples; the message says what would be right.
    """
    read, examples = _READERS[field.modality](values, field, name)
    if read.dtype == "str" and tokenizer is not None:
        read = field_of(tokenizer, read)
        paired = read.sentences == 2
        examples = encode_pairs(tokenizer, examples) if paired else tokenizer.encode([*examples])
    size = size or (field.shape[:2] if field.modality == "image" else None)
    length = field.shape[0] if field.modality in ("series", "text", "audio") else None
    length = field.shape[-4] if field.modality == "video" else length
    transform = fixed({name: read}, size, length, shorter, clips).get(name)
    if transform is not None:
        return stack([transform(example, None) for example in examples])
    return examples if isinstance(examples, np.ndarray | Value) else stack(examples)


def _images(values: Given, field: Field, name: str) -> tuple[Field, Given]:
    channels = field.shape[-1]
    wanted = f"images [n, h, w, {channels}], or a list of images [h, w, {channels}]"
    if not isinstance(values, np.ndarray):
        made = [_images(np.asarray(value)[None], field, name)[1][0] for value in values]
        if len({(image.shape, image.dtype) for image in made}) == 1:
            made = np.stack(made)
            return field.replace(shape=made.shape[1:], dtype=str(made.dtype)), made
        return field.replace(shape=(None, None, channels)), made
    if values.ndim == 3 and channels == 1:
        values = values[..., None]
    if values.ndim != 4 or values.shape[-1] != channels or 0 in values.shape:
        raise UserError(f"{name} has the shape {list(values.shape)}; the run reads {wanted}")
    if values.dtype == np.float64:
        values = values.astype(np.float32)
    try:
        check_range(values)
    except (TypeError, ValueError) as error:
        raise UserError(f"{name}: {error}") from error
    return field.replace(shape=values.shape[1:], dtype=str(values.dtype)), values


def _series(values: Given, field: Field, name: str) -> tuple[Field, Any]:
    if not isinstance(values, np.ndarray):
        made = [_series(np.asarray(value)[None], field, name)[1] for value in values]
        return field.replace(shape=(None, field.shape[-1])), [one[0] for one in made]
    if values.ndim != 3 or values.shape[-1] != field.shape[-1] or 0 in values.shape:
        raise UserError(
            f"{name} has the shape {list(values.shape)}; the run reads series [n, T, "
            f"{field.shape[-1]}], or a list of series [T, {field.shape[-1]}]"
        )
    if values.dtype.kind not in "fiub" or np.isinf(values).any():
        raise UserError(f"{name} has values that are no finite numbers; NaN stands for no value")
    values = values.astype(np.float32)
    filled = fill(values, field)
    read = field.replace(shape=values.shape[1:])
    return read, Value(filled, segments_of(values)) if field.ragged else filled


def _table(values: Given, field: Field, name: str) -> tuple[Field, np.ndarray]:
    try:
        rows = np.asarray(values, np.float32)
    except (TypeError, ValueError) as error:
        raise UserError(f"{name}: {error}; categories are whole numbers from 0") from error
    if rows.ndim != 2 or rows.shape[1:] != field.shape:
        raise UserError(
            f"{name} has the shape {list(rows.shape)}; the run reads rows [n, {field.shape[0]}]"
        )
    if not np.isfinite(rows).all():
        raise UserError(f"{name} has values that are no numbers; fill them in first")
    for column, count in enumerate(field.cardinalities):
        found = rows[:, column]
        if count and not ((found == np.floor(found)) & (found >= 0) & (found < count)).all():
            raise UserError(
                f"{name}: column {column} holds categories, whole numbers from 0 to {count - 1}; "
                f"there are values from {found.min():g} to {found.max():g}"
            )
    return field, rows


def _texts(values: Given, field: Field, name: str) -> tuple[Field, np.ndarray]:
    if field.sentences == 2:
        return field.replace(shape=(None,), dtype="str"), objects(_pairs(values, name))
    if not isinstance(values, np.ndarray) and all(isinstance(one, str) for one in values):
        values = objects(values)  # an array of str would take the longest text for each
    read, texts = checked_text(np.asarray(values), np.array(field.vocab), len(values), name)
    return read, texts


def _pairs(values: Given, name: str) -> list[tuple[str, str]]:
    for number, one in enumerate(values):
        two = isinstance(one, tuple | list) and len(one) == 2
        if not (two and all(isinstance(side, str) and side.strip() for side in one)):
            raise UserError(
                f"{name} has {one!r:.60} at {number}; the run reads pairs of sentences, (str, str),"
                " of which neither is empty"
            )
    return [(one, two) for one, two in values]


def _sounds(values: Given, field: Field, name: str) -> tuple[Field, Given]:
    waves = [np.asarray(value) for value in values]
    for number, wave in enumerate(waves):
        if wave.ndim != 1 or not len(wave):
            raise UserError(
                f"{name} has a sound of the shape {list(wave.shape)} at {number}; the run reads "
                f"waves [S] of one channel, {field.rate:g} samples per second"
            )
        if wave.dtype.kind == "f":
            if not (np.abs(wave) <= 1).all():
                raise UserError(f"{name}: the floats of sound {number} must lie between -1 and 1")
            waves[number] = to_int16(wave)
        elif wave.dtype != np.int16:
            raise UserError(f"{name}: sound {number} is {wave.dtype}; it must be int16 or floats")
    return field.replace(shape=(None,)), waves


def _videos(values: Given, field: Field, name: str) -> tuple[Field, Given]:
    height, width, channels = field.shape[-3:]
    made = [np.asarray(value) for value in values]
    for video in made:
        if video.ndim != 4 or video.shape[1:] != (height, width, channels) or not len(video):
            raise UserError(
                f"{name} has a video of the shape {list(video.shape)}; the run reads videos "
                f"[T, {height}, {width}, {channels}] of any lengths"
            )
        if video.dtype != np.uint8:
            raise UserError(f"{name} has a video of {video.dtype}; the run reads uint8")
    return field.replace(shape=(None, height, width, channels)), made


_READERS = {
    "audio": _sounds,
    "image": _images,
    "series": _series,
    "table": _table,
    "text": _texts,
    "video": _videos,
}
