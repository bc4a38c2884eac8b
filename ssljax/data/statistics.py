"""The mean and standard deviation of a data set's fields, by which objectives normalise."""

import concurrent.futures
import contextlib
import dataclasses
import hashlib
import json
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from ssljax.data.document_frequency import inverse_frequency
from ssljax.data.host import Sampling, fields_after, fixed, given_length
from ssljax.data.host.text import BYTES
from ssljax.data.known import Described
from ssljax.data.order import shuffled
from ssljax.data.sound_statistics import sound_statistics
from ssljax.data.sources.base import Source
from ssljax.data.sources.encoded import EncodedSource
from ssljax.data.storage import data_directory
from ssljax.data.tokenizers import open_tokenizer
from ssljax.data.tokenizers.base import field_of
from ssljax.errors import UserError, unknown
from ssljax.files import write_atomically
from ssljax.ops.tf_idf import columns_of
from ssljax.schema import parse
from ssljax.spec import Field, Spec, Spectrogram, target_kind

_THREADS = 16  # decoding releases the interpreter
_ENOUGH = 2**18  # pixels of an image file that are looked at; more of the same image say little
_PIXELS = 2**32  # of the image files that are decoded: 100,000 of ImageNet, 350 of 12 megapixels
_PICTURES = ("image", "video")
_CONSTANT = 1e-4  # a fortieth of a grey level: a std below it is that of rounding errors


def statistics(
    source: Source,
    limit: int = 10_000,
    *,
    folder: pathlib.Path | None = None,
    fields: Mapping[str, Field] | None = None,
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return mean and standard deviation by field, over a sample that is the same on every call.

    Of text, whose ids have no mean, it is the inverse document frequency of `ssljax.ops.tf_idf` in
    place of a mean, and 1 in place of a deviation. Of sounds whose field has a spectrogram it is by
    band of that, of the middle of each as batches hold it; of waves 0 and 1, as every wave is
    normalised by itself.

    They are by channel of images and series, by column of tables; a category column has mean 0 and
    deviation 1. Every example counts the same, whatever its size. Memory and time are bounded
    whatever the images: of image files that are not in memory, large ones are reduced
    (`images.decode`), and the sample ends after 4.3 billion pixels.

    Args:
      source: an opened data set. Fields that know their statistics keep them.
      limit: the number of examples looked at; all of them if there are no more.
      folder: where results are kept by the fingerprint of the source, so that they are computed
        once; None keeps none. One that cannot be written costs nothing but the time.
      fields: those of the batches, by which sounds are measured; by default those of the source.

    Returns:
      {field: (mean float32[c], std float32[c])} of all fields but labels that are classes, of
      integer images in units where the largest value of the dtype is 1. The std of a constant
      channel, such as an alpha of 255, is 1, so that one can divide by it.
    """
    if limit < 1:
        raise ValueError(f"limit must be at least 1, got {limit}")
    fields = source.fields if fields is None else fields
    wanted = {n: f for n, f in fields.items() if _has_statistics(f)}
    found = {n: _of(f.mean, f.std) for n, f in wanted.items() if f.mean}
    wanted = {n: f for n, f in wanted.items() if not f.mean}
    if not wanted:
        return found
    file = None if folder is None else folder / f"{_digest(source, wanted, limit)}.json"
    if file is not None and (kept := _kept(file, wanted)):
        return found | kept
    computed = _computed(source, wanted, limit)
    if file is not None:
        with contextlib.suppress(OSError, UserError):
            file.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(
                file,
                json.dumps(
                    {n: {"mean": m.tolist(), "std": s.tolist()} for n, (m, s) in computed.items()}
                ),
            )
    return found | computed


def measured_spec(source: Source, data: Any) -> Spec:
    """Return what the batches of a source are like; reads up to 10,000 examples.

    Args:
      source: of training examples.
      data: the section `config.data`.

    Raises:
      UserError: examples differ in size, and no size is set.
    """
    fields = fields_of(source, data)
    folder = data_directory(data.folder or None) / "statistics"
    sounds = {n: f for n, f in fields.items() if f.modality == "audio"}
    found = statistics(source, folder=folder, fields={**source.fields, **sounds})
    for name, (mean, std) in found.items():
        # A text has weights of its tokens, and no deviation.
        std = () if fields[name].modality == "text" else tuple(std.tolist())
        fields[name] = fields[name].replace(mean=tuple(mean.tolist()), std=std)
    return _spec(fields, len(source), data)


def assumed_spec(source: Source | Described, data: Any) -> Spec:
    """Return what the batches of a source are like, with statistics made up where it has none.

    For what does not depend on them: of a compiled program they are constants.

    Args:
      source: of training examples, or what is known of them.
      data: the section `config.data`.

    Raises:
      UserError: examples differ in size, and no size is set.
    """
    fields = {
        name: _made_up(field)
        if _has_statistics(field) and field.modality != "text" and not field.mean
        else field
        for name, field in fields_of(source, data).items()
    }
    for name, field in fields.items():
        if field.modality == "series" and data.ragged:
            fields[name] = field.replace(ragged=True)
    return _spec(fields, len(source), data)


def _has_statistics(field: Field) -> bool:
    """Say whether a mean of the field's values has a meaning."""
    if field.modality == "label":
        return target_kind(field) == "regression"
    return field.modality != "presence"


def _made_up(field: Field) -> Field:
    channels = field.shape[-1] if field.shape else 1
    if field.modality == "audio":
        channels = _rows(field)
    mean, std = (0.5, 0.25) if field.modality in _PICTURES else (0.0, 1.0)
    return field.replace(mean=(mean,) * channels, std=(std,) * channels)


def _spec(fields: dict[str, Field], num_examples: int, data: Any) -> Spec:
    if not data.labels:
        fields.pop("label", None)
    return Spec(fields, num_examples)


def fields_of(source: Source | Described, data: Any) -> dict[str, Field]:
    """Return the fields of a source as a batch under `config.data` holds them, not measured.

    Raises:
      UserError: examples differ in size, and no size is set.
    """
    size, length = data.image_size or None, given_length(data.get("length"))
    own = dict(source.fields)
    for name in length if isinstance(length, Mapping) else ():
        if name not in own:
            raise unknown("field of config.data.length", name, own)
    if (tokenizer := data.get("tokenizer")) and any(one.dtype == "str" for one in own.values()):
        encode = open_tokenizer(tokenizer)
        own = {n: field_of(encode, one) if one.dtype == "str" else one for n, one in own.items()}
    clips = Sampling(data.get("stride", 1), data.get("clips", 1))
    fields = fields_after(own, fixed(own, size, length, clips=clips))
    for name, field in fields.items():
        if field.modality == "audio" and None not in field.shape:
            fields[name] = field.replace(spectrogram=_spectrogram(field, data))
        if None in field.shape:
            such = {"audio": int(field.rate), "video": 16}.get(field.modality, 128)
            what, key, such = (
                ("images", "image_size", 224)
                if field.modality == "image"
                else (f"{field.modality} {name!r}", "length", such)
            )
            raise UserError(
                f"the {what} of {source.name} differ in size; set config.data.{key}, such as {such}"
            )
    return fields


def _spectrogram(field: Field, data: Any) -> Spectrogram | None:
    """Return what `config.data` says sounds are shown as; None for waves."""
    kind = data.get("sound") or "log_mel"
    if kind == "wave":
        if data.get("spectrogram"):
            raise UserError(
                "config.data.spectrogram is set, and config.data.sound='wave' shows waves; leave "
                "one out"
            )
        return None
    section = {"kind": kind, **dict(data.get("spectrogram") or {})}
    form = parse(Spectrogram, section, "config.data.spectrogram")
    form.require(field.rate, field.shape[0])
    return form


def _rows(field: Field) -> int:
    """Return how many means a field of sound has."""
    return 1 if field.spectrogram is None else field.spectrogram.rows


def _computed(
    source: Source, fields: Mapping[str, Field], limit: int
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    count = min(limit, len(source))
    chosen = (
        shuffled(np.arange(count), len(source), seed=0) if count < len(source) else np.arange(count)
    )
    texts = {name: field for name, field in fields.items() if field.modality == "text"}
    others = {}
    for name, field in texts.items():
        idf = inverse_frequency(source, name, field.vocab or BYTES, chosen)
        others[name] = idf, np.ones_like(idf)
    for name, field in fields.items():
        if field.modality == "audio":
            others[name] = sound_statistics(source, name, field, chosen)
    fields = {name: field for name, field in fields.items() if name not in others}
    if not fields:
        return others
    total = dict.fromkeys(fields, 0.0)
    squares = dict.fromkeys(fields, 0.0)
    seen = pixels = 0
    with concurrent.futures.ThreadPoolExecutor(_THREADS) as pool:
        # `map` keeps the order, so that the sums come out the same to the last bit.
        found = pool.map(lambda index: _moments(source, fields, int(index)), chosen)
        for moments, size in found:
            for name, (mean, square) in moments.items():
                total[name], squares[name] = total[name] + mean, squares[name] + square
            seen, pixels = seen + 1, pixels + size
            if pixels >= _PIXELS:
                break
        found.close()  # forgets those not begun
    return others | {
        name: _standardised(field, total[name] / seen, squares[name] / seen)
        for name, field in fields.items()
    }


def _standardised(
    field: Field, mean: np.ndarray, square: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    std = np.sqrt(np.maximum(square - mean**2, 0))
    # Values of images lie between 0 and 1; those of others have any size.
    least = _CONSTANT if _scale(field) > 1 else 1e-6 * np.maximum(np.sqrt(square), 1e-30)
    std = np.where(std < least, 1, std)
    if field.cardinalities:
        numeric = np.array(field.cardinalities) == 0
        mean, std = np.where(numeric, mean, 0), np.where(numeric, std, 1)
    return mean.astype(np.float32), std.astype(np.float32)


def _scale(field: Field) -> float:
    """Return the value that counts as 1: the largest of an integer image or video, else 1."""
    integer = field.modality in _PICTURES and np.dtype(field.dtype).kind == "u"
    return float(np.iinfo(field.dtype).max) if integer else 1.0


def _moments(
    source: Source, fields: Mapping[str, Field], index: int
) -> tuple[dict[str, tuple[np.ndarray, np.ndarray]], int]:
    """Return the means of the values and of their squares by field, and how much work it was."""
    if isinstance(source, EncodedSource):
        image, size = source.reduced(index, _ENOUGH)
        example = {"image": image}
    else:
        example, size = source[index], 0
        for name, field in fields.items():
            if field.modality == "video":  # evenly spread frames, as many pixels as of an image
                video = example[name]
                every = max(1, video.size // (video.shape[-1] * _ENOUGH))
                example = {**example, name: video[::every]}
    return {name: _means(example[name], _scale(fields[name])) for name in fields}, size


def _means(value: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the means over all axes but the last, of the values and of their squares."""
    value = np.atleast_1d(value)
    lines = value.reshape(-1, value.shape[-2], value.shape[-1]) if value.ndim > 1 else value[None]
    axes = tuple(range(lines.ndim - 1))
    # Some at a time, as the floats take 8 or 16 times as much memory.
    at_once = max(1, _ENOUGH // (lines.shape[1] if lines.ndim == 3 else 1))
    total, squares = np.zeros(value.shape[-1]), np.zeros(value.shape[-1])
    for start in range(0, len(lines), at_once):
        values = lines[start : start + at_once].astype(np.float64) / scale
        total += values.sum(axis=axes)
        squares += np.square(values).sum(axis=axes)
    count = value.size // value.shape[-1]
    return total / count, squares / count


def _digest(source: Source, wanted: Mapping[str, Field], limit: int) -> str:
    """Return what the statistics depend on: the content of the source and the code of this part."""
    content = {k: v for k, v in source.fingerprint().items() if k not in ("spec", "split")}
    fields = {name: [*field.shape, field.dtype] for name, field in source.fields.items()}
    for name, field in wanted.items():
        if field.spectrogram is not None:
            fields[name] = [*field.shape, field.rate, dataclasses.asdict(field.spectrogram)]
    digest = hashlib.sha256(json.dumps([content, fields, limit], sort_keys=True).encode())
    for code in sorted(pathlib.Path(__file__).parent.rglob("*.py")):
        digest.update(code.read_bytes())
    return digest.hexdigest()


def _kept(
    file: pathlib.Path, fields: Mapping[str, Field]
) -> dict[str, tuple[np.ndarray, np.ndarray]] | None:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        kept = {name: _of(found[name]["mean"], found[name]["std"]) for name in fields}
    except (OSError, ValueError, KeyError, TypeError):
        return None
    for name, (mean, std) in kept.items():
        field = fields[name]
        channels = (field.shape or (1,))[-1:]
        if field.modality == "text":
            channels = (columns_of(field.vocab or BYTES),)
        if field.modality == "audio":
            channels = (_rows(field),)
        if not (mean.shape == std.shape == channels and np.isfinite([mean, std]).all()):
            return None
        if not (std > 0).all():
            return None
    return kept


def _of(mean: Any, std: Any) -> tuple[np.ndarray, np.ndarray]:
    return np.array(mean, np.float32), np.array(std, np.float32)
