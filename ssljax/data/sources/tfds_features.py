"""Which features of a TFDS data set are read, and what they become."""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ssljax.data import sound
from ssljax.errors import UserError, unknown
from ssljax.spec import Field

OPTIONS = ("image", "video", "audio", "text", "label", "rate", "fps")
# The features that are read where nobody names others.
_USUAL = {"image": ("image",), "video": ("video",), "audio": ("audio", "speech"), "text": ("text",)}
_WANTED = {
    "image": "8-bit images",
    "video": "videos, or sequences of images of one size",
    "audio": "sounds, or numbers [samples]",
    "text": "texts",
}


@dataclasses.dataclass(frozen=True)
class Reader:
    """A feature as a field.

    Attributes:
      feature: its name in the records.
      field: what it becomes.
      convert: makes a value of the field of one of a record, also in a worker process; raises a
        ValueError that says what is wrong with it.
    """

    feature: str
    field: Field
    convert: Callable[[Any], Any]


def readers_of(
    features: Mapping[str, Any], chosen: Mapping[str, str], what: str
) -> dict[str, Reader]:
    """Return what reads a set, by field.

    Args:
      features: those of the set, by name.
      chosen: the features that the user names, by field, and "rate" and "fps".
      what: the set, for messages.

    Raises:
      UserError: a feature that is not there or of another kind, no feature to read.
    """
    found = {}
    for kind, usual in _USUAL.items():
        name = chosen.get(kind) or next((one for one in usual if one in features), None)
        if name is None:
            continue
        if name not in features:
            raise unknown(f"feature of {what}:", name, features)
        nested = not isinstance(features[name].shape, tuple)
        reader = None if nested else _MAKERS[kind](name, features[name], chosen, what)
        if reader is None and kind in chosen:
            raise UserError(f"{kind}={name} of {what} must be {_WANTED[kind]}; it is no such")
        if reader is not None:
            found[kind] = reader
    if not found:
        raise UserError(
            f"{what} has no feature that can be read: an 8-bit 'image', 'video', 'audio', 'speech' "
            f"or 'text'; it has: {', '.join(features)}. Name one by its kind, such as ?text=title"
        )
    return found


def label_of(features: Mapping[str, Any], chosen: Mapping[str, str], what: str) -> str | None:
    """Return the name of the feature that is the class of an example, None if there is none.

    Raises:
      UserError: the user names a feature that is not there, or no class.
    """
    name = chosen.get("label", "label")
    if "label" in chosen and name not in features:
        raise unknown(f"feature of {what}:", name, features)
    if name not in features:
        return None
    feature = features[name]
    if feature.shape == () and np.issubdtype(feature.np_dtype, np.integer):
        return name
    if "label" in chosen:
        raise UserError(f"label={name} of {what} must be a class or a whole number; it is no such")
    return None


def _image(name: str, feature: Any, chosen: Mapping[str, str], what: str) -> Reader | None:
    if getattr(feature, "np_dtype", None) != np.uint8 or len(feature.shape) != 3:
        return None
    return Reader(name, Field("image", tuple(feature.shape), "uint8"), np.asarray)


def _video(name: str, feature: Any, chosen: Mapping[str, str], what: str) -> Reader | None:
    if getattr(feature, "np_dtype", None) != np.uint8 or len(feature.shape) != 4:
        return None
    shape = tuple(feature.shape)
    if None in shape[1:]:
        raise UserError(f"the frames of {what} differ in size; bring them to one in its builder")
    try:
        rate = float(chosen.get("fps", 0))
    except ValueError:
        rate = -1.0
    if rate < 0:
        raise UserError(f"{what}: fps={chosen['fps']} must be frames per second, above 0")
    return Reader(name, Field("video", shape, "uint8", rate=rate), np.asarray)


def _text(name: str, feature: Any, chosen: Mapping[str, str], what: str) -> Reader | None:
    if getattr(feature, "np_dtype", None) not in (object, np.object_, str) or feature.shape != ():
        return None
    return Reader(name, Field("text", (None,), "str"), _string)


def _audio(name: str, feature: Any, chosen: Mapping[str, str], what: str) -> Reader | None:
    dtype = getattr(feature, "np_dtype", None)
    if dtype is None or not np.issubdtype(dtype, np.number) or len(feature.shape) not in (1, 2):
        return None
    wanted = sound.checked_rate(chosen["rate"], what) if "rate" in chosen else 0
    own = int(getattr(feature, "sample_rate", None) or wanted)
    if not own:
        raise UserError(
            f"{what} does not say how many samples a second of {name!r} has; write ?rate=16000, or "
            "what it is"
        )

    rate = wanted or own
    convert = functools.partial(_wave, rate=own, wanted=rate)
    return Reader(name, Field("audio", (None,), "int16", rate=float(rate)), convert)


_MAKERS = {"image": _image, "video": _video, "audio": _audio, "text": _text}


def _string(value: Any) -> str:
    try:
        text = value if isinstance(value, str) else value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError("no UTF-8") from error
    if not text.strip():
        raise ValueError("the text is empty")
    return text


def _wave(value: Any, *, rate: int, wanted: int) -> np.ndarray:
    """Return int16[S] of samples [S] or [S, channels]: 16 bits as TFDS decodes them, or floats."""
    value = np.asarray(value)
    if not len(value):
        raise ValueError("has no sample")
    if np.issubdtype(value.dtype, np.integer):
        value = value / 2**15
    if value.ndim == 2:
        value = value.mean(axis=1)
    if not np.isfinite(value).all() or np.abs(value).max() > 1:
        raise ValueError("has samples beyond 16 bits, or, of floats, beyond -1 to 1")
    sound.require_sound(value)
    return sound.to_int16(sound.resample(np.float32(value), rate, wanted))
