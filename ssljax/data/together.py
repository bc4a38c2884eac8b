"""Batches that hold several examples of each of some labels."""

import dataclasses
import functools

import numpy as np

from ssljax.data.order import shuffled
from ssljax.errors import UserError


@dataclasses.dataclass(frozen=True, eq=False)
class Together:
    """Every batch has `count` different examples of each of its labels, all of which differ.

    An epoch shuffles the labels and cuts them into batches; what does not fill one is left out of
    it. A label gives other examples in each epoch, drawn anew. So batch k is a function of (labels,
    seed, k) alone.

    Attributes:
      labels: int[n], of every example; below 0: none, never drawn.
      count: examples of each label in a batch. Labels with fewer are never drawn.
    """

    labels: np.ndarray
    count: int

    def ids(self, step: int, batch_size: int, seed: int) -> np.ndarray:
        """Return the ids of the batch of a step, int32[batch_size], label after label.

        Raises:
          UserError: `count` does not divide the batch size, or there are too few labels.
        """
        self.require(batch_size)
        each = batch_size // self.count
        epoch, batch = divmod(step, len(self._members) // each)
        positions = epoch * len(self._members) + batch * each + np.arange(each)
        chosen = shuffled(positions, len(self._members), seed)
        return np.concatenate([self._drawn(number, epoch, seed) for number in chosen])

    def require(self, batch_size: int) -> None:
        """Raise a UserError unless batches of that size can be made."""
        if batch_size % self.count:
            raise UserError(
                f"config.data.per_label={self.count} must divide batch_size={batch_size}"
            )
        if len(self._members) < batch_size // self.count:
            raise UserError(
                f"batch_size={batch_size} with config.data.per_label={self.count} needs "
                f"{batch_size // self.count} labels of at least {self.count} examples each, and "
                f"the data have {len(self._members)}"
            )

    def _drawn(self, number: int, epoch: int, seed: int) -> np.ndarray:
        own = self._members[number]
        positions = epoch * len(own) + np.arange(self.count, dtype=np.int64)
        return own[shuffled(positions, len(own), seed + _SEEDS * (int(number) + 1))]

    @functools.cached_property
    def _members(self) -> list[np.ndarray]:
        """The ids of the examples of each label that has enough, ascending."""
        order = np.argsort(self.labels, kind="stable").astype(np.int32)
        ordered = self.labels[order]
        parts = np.split(order, np.flatnonzero(np.diff(ordered)) + 1)
        known = [part for part in parts if len(part) and self.labels[part[0]] >= 0]
        return [part for part in known if len(part) >= self.count]


_SEEDS = 0x746F67  # between the seeds of the orders of two labels
