"""Sound files as waves: one channel, one sampling rate, 16 bits."""

import dataclasses
import io
import os

import numpy as np

from ssljax.errors import UserError, optional_package

SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aiff", ".aif"})
_FULL = 2**15  # the value of int16 that stands for 1.0


def read_wave(data: bytes, channel: int | None = None) -> tuple[np.ndarray, int]:
    """Return (float32[S] in [-1, 1], samples per second) of a sound file.

    Args:
      data: the bytes of the file, of a format that libsndfile knows.
      channel: the number of the channel, from 0; None: the mean of all.

    Raises:
      ValueError: it cannot be decoded, has no sample, no such channel, or values that are no
        finite numbers; the message says what is wrong.
      UserError: the package soundfile is not installed.
    """
    library = optional_package("soundfile", "audio")
    if not data:
        raise ValueError("empty")
    try:
        wave, rate = library.read(io.BytesIO(data), dtype="float32", always_2d=True)
    except (library.SoundFileError, RuntimeError) as error:
        raise ValueError("cannot be decoded: no sound file, or damaged") from error
    if not len(wave):
        raise ValueError("has no sample")
    if not np.isfinite(wave).all():
        raise ValueError("holds values that are no finite numbers")
    if channel is None:
        return wave.mean(axis=1), rate
    if channel >= wave.shape[1]:
        raise ValueError(f"has {wave.shape[1]} channel(s), and channel {channel} is asked for")
    return wave[:, channel], rate


def resample(wave: np.ndarray, rate: float, wanted: float) -> np.ndarray:
    """Return a wave float32[S] at another sampling rate (soxr's "HQ"): round(S wanted / rate).

    >>> resample(np.zeros(441, np.float32), 44100, 16000).shape
    (160,)
    """
    if rate == wanted:
        return wave
    return optional_package("soxr", "audio").resample(wave, rate, wanted).astype(np.float32)


def to_int16(wave: np.ndarray) -> np.ndarray:
    """Return int16, 2^15 times values in [-1, 1], rounded; what lies beyond is cut off.

    >>> to_int16(np.array([0.5, -1.0, 1.0, -2.0])).tolist()
    [16384, -32768, 32767, -32768]
    """
    return np.clip(np.rint(np.asarray(wave) * _FULL), -_FULL, _FULL - 1).astype(np.int16)


def require_sound(wave: np.ndarray) -> None:
    """Raise a ValueError for a wave that holds nothing: silence, or one value throughout."""
    if wave.min() == wave.max():
        raise ValueError(f"silent: all of its {len(wave):,} samples are {wave[0]:g}")


def length_of(path: str) -> tuple[int, int]:
    """Return (samples, samples per second), as the header of a sound file says.

    Raises:
      ValueError: it cannot be decoded, or has no sample.
    """
    library = optional_package("soundfile", "audio")
    if not os.path.getsize(path):
        raise ValueError("empty")
    try:
        info = library.info(path)
    except (library.SoundFileError, RuntimeError, OSError) as error:
        raise ValueError("cannot be decoded: no sound file, or damaged") from error
    if not info.frames:
        raise ValueError("has no sample")
    return info.frames, info.samplerate


def wave_of(data: bytes, rate: int = 0, channel: int | None = None) -> tuple[np.ndarray, int]:
    """Return (int16[S], samples per second) of a sound file, which is not silent.

    Args:
      data: the bytes of the file.
      rate: to which it is resampled; 0 keeps its own.
      channel: see `read_wave`.

    Raises:
      ValueError: see `read_wave`, `require_sound`.
    """
    wave, own = read_wave(data, channel)
    require_sound(wave)
    made = to_int16(resample(wave, own, rate or own))
    if not len(made):
        raise ValueError(f"has too few samples ({len(wave)}) to be resampled")
    require_sound(made)
    return made, rate or own


@dataclasses.dataclass(frozen=True)
class SoundFile:
    """A file that is decoded when it is asked for.

    Attributes:
      path: of the file.
      size: in bytes.
      rate, channel: see `wave_of`.
    """

    path: str
    size: int
    rate: int = 0
    channel: int | None = None

    @property
    def samples(self) -> int:
        """The length of the wave, as the header of the file says."""
        count, own = length_of(self.path)
        return round(count * (self.rate or own) / own)

    def wave(self) -> np.ndarray:
        """Return int16[S].

        Raises:
          UserError: it has been damaged since it was looked at.
        """
        try:
            with open(self.path, "rb") as stream:
                return wave_of(stream.read(), self.rate, self.channel)[0]
        except (OSError, ValueError) as error:
            raise UserError(f"the sound file {self.path} {error}; mend or remove it") from error


def checked_rate(text: str, what: str) -> int:
    """Return a sampling rate as the user wrote it.

    Raises:
      UserError: it is none, or unusual.
    """
    if not text.isdecimal() or not 1000 <= int(text) <= 384_000:
        raise UserError(
            f"{what}: rate={text!r} must be samples per second from 1000 to 384000, such as 16000"
        )
    return int(text)


def checked_channel(text: str | None, what: str) -> int | None:
    """Return the number of a channel as the user wrote it; None: the mean of all.

    Raises:
      UserError: it is none.
    """
    if text is None:
        return None
    if not text.isdecimal() or int(text) > 63:
        raise UserError(f"{what}: channel={text!r} must be the number of a channel, from 0")
    return int(text)
