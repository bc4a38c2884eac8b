"""`episodes:PATH`: pixel observations of episodes, each with those before it, or with actions.

PATH is as that of `npz:` with images: `image` uint8 [n, h, w, c], all observations of all episodes
in their order, `group` [n], the episode of each (neighbours of one number are one episode), and
perhaps `label`, such as the state float [n, K]. Observations are held in memory once.

`?stack=3`: an example is an observation behind the `stack` - 1 before it, the oldest first, as
channels: [h, w, stack c]. At the start of an episode the first observation stands for those that
are not there.

`?frames=4&stride=1`: an example is a window of an episode and the actions in it, see
`episode_windows`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ssljax.data.sources.base import Options, fingerprint_of
from ssljax.data.sources.documents import parsed
from ssljax.data.sources.episode_windows import Windows, actions_of, runs
from ssljax.data.sources.in_memory import ArraySource
from ssljax.data.sources.npz import load_split, source_of
from ssljax.errors import UserError

_MOST = 64  # frames


def open_episodes(rest: str, options: Options) -> "Episodes | Windows":
    """Open the observations of one split.

    Raises:
      UserError: an unknown option, no images, no episodes, or no actions for windows.
    """
    path, chosen = parsed(rest, "episodes", ("stack", "frames", "stride"))
    windows = "frames" in chosen
    for other in ("stack",) if windows else ("stride",):
        if other in chosen:
            raise UserError(
                f"{options.name}: {other}= does not go with {'frames' if windows else 'stack'}=: "
                "frames= and stride= make windows with actions, stack= observations as channels"
            )
    stack, frames, stride = (
        _number(chosen, name, least, usual, options)
        for name, least, usual in (("stack", 1, 3), ("frames", 2, 4), ("stride", 1, 1))
    )
    split = load_split(path, options)
    source = source_of(split, options)
    if source.groups is None:
        raise UserError(
            f"{options.name} has no array 'group' that says which episode each observation is of"
        )
    if windows:
        return Windows(source, actions_of(split, source.groups), frames, stride)
    return Episodes(source, stack)


def _number(chosen: Mapping[str, str], name: str, least: int, usual: int, options: Options) -> int:
    text = chosen.get(name, str(usual))
    if not text.isdecimal() or not least <= int(text) <= _MOST:
        raise UserError(
            f"{options.name}: {name}={text!r} must be a number of observations, {least} to {_MOST}"
        )
    return int(text)


class Episodes:
    """Observations in memory, with those before them as channels."""

    in_memory = True
    report = None

    def __init__(self, source: ArraySource, stack: int):
        """Hold the observations of `source`, whose groups are the episodes."""
        self._source, self._stack = source, stack
        field = source.fields["image"]
        height, width, channels = field.shape
        stacked = field.replace(shape=(height, width, stack * channels))
        self.fields = {**source.fields, "image": stacked}
        self.name, self.split = source.name, source.split
        self.num_classes, self.class_names = source.num_classes, source.class_names
        self.groups = np.asarray(source.groups)
        begins, lengths = runs(self.groups)
        self._starts = np.repeat(begins, lengths)  # of the episode of each observation

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: int) -> dict[str, Any]:
        found = self.gather(np.array([index]))
        return {name: array[0] for name, array in found.items()}

    def gather(self, indices: np.ndarray) -> dict[str, np.ndarray]:
        """Return {field: [b, ...]} of some examples."""
        indices = np.asarray(indices)
        back = indices[:, None] - np.arange(self._stack)[::-1]
        frames = self._source.arrays["image"][np.maximum(back, self._starts[indices][:, None])]
        frames = np.moveaxis(frames, 1, 3)  # [b, h, w, stack, c]
        image = frames.reshape(*frames.shape[:3], -1)
        return {**self._source.gather(indices), "image": image}

    def fingerprint(self) -> dict[str, Any]:
        content = self._source.fingerprint()["content"]
        return fingerprint_of(self, f"{content}, {self._stack} frames")
