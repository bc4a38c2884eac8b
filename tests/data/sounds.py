"""Small sound files that tests write."""

import pathlib

import numpy as np
import soundfile


def tone(frequency: float, rate: int, samples: int) -> np.ndarray:
    """Return float32[samples] of a sine of half of the full volume."""
    return (0.5 * np.sin(2 * np.pi * frequency * np.arange(samples) / rate)).astype(np.float32)


def write_tones(folder: pathlib.Path, files: dict[str, tuple[float, int]]) -> None:
    """Write half a second of a tone of (frequency, samples per second) to each path."""
    for name, (frequency, rate) in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / name, tone(frequency, rate, rate // 2), rate)
