"""Which data set each batch is of, where several are mixed by weights."""

import dataclasses
import functools

import numpy as np

from ssljax.data.order import shuffled
from ssljax.errors import UserError

PERIOD = 1000  # steps after which the table repeats itself
_SEEDS = 0x6D6978  # between the seeds of the orders of two sources


@dataclasses.dataclass(frozen=True)
class Mixture:
    """Every batch is of one source; of a period of 1,000 steps each source has its share.

    A table maps step k to (source, the source's own step), so that batch k is a function of k
    alone. Shares are rounded to a thousandth, and each source has at least one step. At any step a
    source has had its share of the steps so far but for less than one for each source.

    Attributes:
      counts: examples of each source, whose ids follow one another.
      weights: of each source, above 0.
    """

    counts: tuple[int, ...]
    weights: tuple[float, ...]

    def at(self, step: int) -> tuple[int, int]:
        """Return the source of a step, and its own step."""
        period, place = divmod(step, PERIOD)
        source = int(self._table[place])
        before = np.count_nonzero(self._table[:place] == source)
        return source, int(period * self._shares[source] + before)

    def ids(self, step: int, batch_size: int, seed: int) -> np.ndarray:
        """Return the ids of the batch of a step, int32[batch_size]."""
        source, own = self.at(step)
        positions = own * batch_size + np.arange(batch_size, dtype=np.int64)
        chosen = shuffled(positions, self.counts[source], seed + _SEEDS * source)
        return (sum(self.counts[:source]) + chosen).astype(np.int32)

    @functools.cached_property
    def _shares(self) -> np.ndarray:
        """Steps of a period, by source: largest remainders, at least one each."""
        exact = np.array(self.weights) / sum(self.weights) * PERIOD
        shares = np.maximum(1, np.floor(exact)).astype(int)
        order = np.argsort(shares - exact, kind="stable")
        for number in range(PERIOD - shares.sum()):
            shares[order[number]] += 1
        while shares.sum() > PERIOD:  # what the smallest were given
            shares[np.argmax(shares)] -= 1
        return shares

    @functools.cached_property
    def _table(self) -> np.ndarray:
        """The source of each step of a period: the one that is furthest behind its share."""
        had, table = np.zeros(len(self.counts)), np.zeros(PERIOD, int)
        for step in range(PERIOD):
            table[step] = np.argmax((step + 1) * self._shares / PERIOD - had)
            had[table[step]] += 1
        return table


def mixture_of(counts: tuple[int, ...], weights: tuple[float, ...], batch_size: int) -> Mixture:
    """Return the mixture of sources.

    Raises:
      UserError: there are more sources than steps of a period, or a batch has more examples than a
        source.
    """
    if len(counts) > PERIOD:
        raise UserError(f"{len(counts)} data sets cannot be mixed, {PERIOD} are the most")
    if min(counts) < batch_size:
        raise UserError(
            f"batch_size is {batch_size}, and the smallest of the mixed data sets has "
            f"{min(counts)} examples"
        )
    return Mixture(counts, weights)
