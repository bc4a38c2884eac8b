"""Animated emoji (Microsoft's Fluent) from npm: clips of 24 frames, 8 a second, 48x48 pixels.

An emoji that is animated in all six tones of skin (none, that is yellow, and light to dark) is a
class; the dark one of each is held out. An animation goes round: one shorter than three seconds is
continued from its start, of a longer one its first three seconds are taken. On white.

| split | clips | |
|---|---|---|
| train | 345 | 69 emoji in five tones, class by emoji, "group" the tone |
| test | 69 | the dark ones |
| light | 69 | those of train that are light: to tell the dark ones by one other tone alone |
| unlabelled | 499 | those of train, and all other animations, without a class |
"""

import concurrent.futures
import io
import os
import pathlib

import numpy as np

from ssljax.data.prepare.emoji import code_of
from ssljax.data.prepare.npm import Tarball, contents
from ssljax.data.sources.arrays import Arrays
from ssljax.data.videos import BrokenVideoError, decode
from ssljax.errors import UserError
from ssljax.spec import Field

TARBALL = Tarball(
    "@lobehub/fluent-emoji-anim-3",
    "1.0.0",
    "3624d0c34c819c1794b74ccf6ae9034adff7c4cb6318dd2a645145f0196feb43",
    "MIT (Fluent Emoji)",
)
FRAMES, FPS, SIZE = 24, 8, 48
TONES = {
    "": "none",
    "1f3fb": "light",
    "1f3fc": "medium-light",
    "1f3fd": "medium",
    "1f3fe": "medium-dark",
    "1f3ff": "dark",
}
_HELD_OUT, _FAR = "dark", "light"


def read_emoji_anim(package: pathlib.Path) -> Arrays:
    """Return the clips with classes and tones.

    Raises:
      UserError: the package does not hold what it should.
    """
    files = {
        code_of(pathlib.PurePosixPath(name).stem): content
        for name, content in contents(package)
        if name.startswith("assets/") and name.endswith(".webp")
    }
    codes = sorted(files)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        clips = dict(zip(codes, pool.map(_clip, (files[code] for code in codes)), strict=True))
    return arrays({code: clip for code, clip in clips.items() if clip is not None})


def arrays(clips: dict[str, np.ndarray]) -> Arrays:
    """Return the splits of clips by code."""
    tones: dict[str, dict[str, str]] = {}  # the code of each tone, by the code without
    for code in sorted(clips):
        parts = code.split("-")
        own = [part for part in parts if part in TONES]
        base = "-".join(part for part in parts if part not in TONES)
        if len(own) < 2:  # two people may differ in tone
            tones.setdefault(base, {})[TONES[own[0] if own else ""]] = code
    classes = [base for base, found in sorted(tones.items()) if len(found) == len(TONES)]
    if not classes:
        raise UserError("the package of animated emoji has none in all tones of skin")
    rows = [
        (code, number, tone)
        for number, base in enumerate(classes)
        for tone, code in tones[base].items()
    ]
    parts = {
        "train": [row for row in rows if row[2] != _HELD_OUT],
        "test": [row for row in rows if row[2] == _HELD_OUT],
        "light": [row for row in rows if row[2] == _FAR],
    }
    held_out = {code for code, _, _ in parts["test"]}
    splits = {
        name: {
            "video": np.stack([clips[code] for code, _, _ in own]),
            "label": np.array([number for _, number, _ in own], np.int32),
            "group": np.array([tone for _, _, tone in own]),
        }
        for name, own in parts.items()
    }
    rest = [clip for code, clip in sorted(clips.items()) if code not in held_out]
    splits["unlabelled"] = {"video": np.stack(rest)}
    field = Field("video", splits["train"]["video"].shape[1:], "uint8", rate=FPS)
    return Arrays(splits, {"video": field}, tuple(classes))


def _clip(content: bytes) -> np.ndarray | None:
    """Return uint8 [FRAMES, SIZE, SIZE, 3] of an animation; None of a still picture."""
    try:
        frames, _ = decode(io.BytesIO(content), ".webp", fps=FPS, size=SIZE)
    except BrokenVideoError as error:
        raise UserError(f"the package of animated emoji has a damaged file: {error}") from error
    if len(frames) < 2:
        return None
    return frames[np.arange(FRAMES) % len(frames)]
