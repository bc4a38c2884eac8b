"""Windows of episodes: frames, and the actions that were taken between them.

Beside the arrays of `episodes:` there is `action`, [n] or [n, A]: what was done after each
observation. Whole numbers [n] are numbers of discrete actions, from 0, and become one-hot vectors
of as many entries as all splits have actions; floats are continuous ones. An example of
`?frames=T&stride=k` has

    video   uint8 [T, h, w, c]      every k-th observation
    action  float32 [T - 1, k A]    the k actions between a frame and the next, one after the other
    label   float32 [K]             that of the last frame, if there are labels

and lies within one episode. Episodes that are shorter than a window have none.
"""

import hashlib
from typing import Any

import numpy as np

from ssljax.data.sources.base import fingerprint_of
from ssljax.data.sources.in_memory import ArraySource
from ssljax.data.sources.npz import Split
from ssljax.errors import UserError
from ssljax.spec import Field


def runs(groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where each episode begins and its length, of the episode of each observation [n]."""
    begins = np.flatnonzero(np.r_[True, groups[1:] != groups[:-1]])
    return begins, np.diff(np.r_[begins, len(groups)])


def actions_of(split: Split, groups: np.ndarray) -> np.ndarray:
    """Return the action after each observation, float32 [n, A].

    The action after the last observation of an episode leads nowhere; where it is NaN it is 0.

    Args:
      split: that has the array `action`.
      groups: [n], the episode of each observation.

    Raises:
      UserError: no actions, not one for each observation, or some that are no numbers.
    """
    key = split.key("action")
    if key is None:
        raise UserError(
            f"{split.file} has no array {split.prefix + 'action'!r}, the action after each "
            "observation, which windows of ?frames= need; ?stack= needs none"
        )
    found, what = split.arrays[key], f"{key!r} in {split.file}"
    discrete = found.dtype.kind in "iu"
    if len(found) != len(groups) or found.ndim != (1 if discrete else max(1, min(found.ndim, 2))):
        raise UserError(
            f"{what} must be one action for each of {len(groups)} observations, whole numbers [n] "
            f"or floats [n, A]; it is {found.dtype} of {found.shape}"
        )
    if discrete:
        every = [array for array in split.every("action") if array.dtype.kind in "iu"]
        least, most = (int(of([of(array) for array in every])) for of in (min, max))
        if least < 0:
            raise UserError(f"{what}: actions are numbered from 0, and one is {least}")
        return np.eye(most + 1, dtype=np.float32)[found]
    if found.dtype.kind != "f":
        raise UserError(f"{what} must be whole numbers [n] or floats [n, A], it is {found.dtype}")
    actions = found.reshape(len(found), -1).astype(np.float32)
    last = np.r_[groups[1:] != groups[:-1], True]
    actions[last & np.isnan(actions).any(axis=1)] = 0
    if not np.isfinite(actions).all():
        bad = int(np.argmin(np.isfinite(actions).all(axis=1)))
        raise UserError(
            f"{what}: the action after observation {bad} is {actions[bad].tolist()}; only that "
            "after the last observation of an episode may be NaN"
        )
    return actions


class Windows:
    """All windows of the episodes, by their first observation; observations are held once."""

    in_memory = True

    def __init__(self, source: ArraySource, actions: np.ndarray, frames: int, stride: int):
        """Hold the observations of `source`, whose groups are the episodes, and float32 [n, A].

        Raises:
          UserError: no episode is as long as a window.
        """
        span = (frames - 1) * stride + 1
        begins, lengths = runs(np.asarray(source.groups))
        counts = np.maximum(lengths - span + 1, 0)
        if not counts.any():
            raise UserError(
                f"{source.name}: frames={frames} and stride={stride} need episodes of {span} "
                f"observations, and the longest of {source.split!r} has {lengths.max()}"
            )
        self._firsts = np.concatenate(
            [np.arange(begin, begin + count) for begin, count in zip(begins, counts, strict=True)]
        )
        self._source, self._actions = source, actions
        self._frames, self._stride, self._span = frames, stride, span
        image = source.fields["image"]
        between = (frames - 1, stride * actions.shape[1])
        self.fields = {
            "video": image.replace(modality="video", shape=(frames, *image.shape)),
            "action": Field("series", between, "float32"),
            **{name: field for name, field in source.fields.items() if name == "label"},
        }
        self.name, self.split = source.name, source.split
        self.num_classes, self.class_names = source.num_classes, source.class_names
        self.groups = np.asarray(source.groups)[self._firsts]
        short = int((counts == 0).sum())
        self.report = None
        if short:
            self.report = (
                f"{short:,} of {len(counts):,} episodes in {source.split!r} are shorter than "
                f"{span} observations, and left out"
            )

    def __len__(self) -> int:
        return len(self._firsts)

    def __getitem__(self, index: int) -> dict[str, Any]:
        found = self.gather(np.array([index]))
        return {name: array[0] for name, array in found.items()}

    def gather(self, indices: np.ndarray) -> dict[str, np.ndarray]:
        """Return {field: [b, ...]} of some windows."""
        first = self._firsts[np.asarray(indices)]
        at = first[:, None] + self._stride * np.arange(self._frames)
        between = first[:, None] + np.arange(self._span - 1)
        arrays = self._source.arrays
        action = self._actions[between].reshape(len(first), *self.fields["action"].shape)
        found = {"video": arrays["image"][at], "action": action}
        if "label" in self.fields:
            found["label"] = arrays["label"][at[:, -1]]
        return found

    def fingerprint(self) -> dict[str, Any]:
        actions = hashlib.sha256(np.ascontiguousarray(self._actions)).hexdigest()
        how = f"actions {actions}, {self._frames} frames every {self._stride}"
        return fingerprint_of(self, f"{self._source.fingerprint()['content']}, {how}")
