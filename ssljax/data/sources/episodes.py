"""`episodes:PATH?stack=3`: pixel observations of episodes, each shown with those before it.

PATH is as that of `npz:` with images: `image` uint8 [n, h, w, c], all observations of all episodes
in their order, `group` [n], the episode of each (neighbours of one number are one episode), and
perhaps `label`, such as the state float [n, K]. An example is an observation behind the `stack` - 1
before it, the oldest first, as channels: [h, w, stack c]. At the start of an episode the first
observation stands for those that are not there. Nothing is stacked in memory: an observation is
held once.
"""

from typing import Any

import numpy as np

from ssljax.data.sources.base import Options, fingerprint_of
from ssljax.data.sources.documents import parsed
from ssljax.data.sources.in_memory import ArraySource
from ssljax.data.sources.npz import open_npz
from ssljax.errors import UserError

_MOST = 64  # frames


def open_episodes(rest: str, options: Options) -> "Episodes":
    """Open the observations of one split.

    Raises:
      UserError: an unknown option, no images, or no episodes.
    """
    path, chosen = parsed(rest, "episodes", ("stack",))
    text = chosen.get("stack", "3")
    if not text.isdecimal() or not 1 <= int(text) <= _MOST:
        raise UserError(
            f"{options.name}: stack={text!r} must be a number of observations, 1 to {_MOST}"
        )
    source = open_npz(path, options)
    if source.groups is None:
        raise UserError(
            f"{options.name} has no array 'group' that says which episode each observation is of"
        )
    return Episodes(source, int(text))


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
        begins = np.flatnonzero(np.r_[True, self.groups[1:] != self.groups[:-1]])
        lengths = np.diff(np.r_[begins, len(self.groups)])
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
