"""The least time that a step can take: what it does at the peaks that a chip's maker publishes."""

import dataclasses

from ssljax.planning.cost import Cost
from ssljax.planning.topologies import Topology


@dataclasses.dataclass(frozen=True)
class Roofline:
    """Seconds of a step, if each of three kinds of work were all there is, at its peak.

    Attributes:
      compute: matrix products and convolutions.
      memory: reading and writing the chip's main memory; None if not known.
      network: collectives.
    """

    compute: float
    memory: float | None
    network: float

    @property
    def seconds(self) -> float:
        """Return the largest of those known, which no step can beat."""
        return max(self._known.values())

    @property
    def bound(self) -> str:
        """Return the name of the largest."""
        return max(self._known, key=self._known.get)

    @property
    def _known(self) -> dict[str, float]:
        times = dataclasses.asdict(self)
        return {name: seconds for name, seconds in times.items() if seconds is not None}


def roofline(flops: float, cost: Cost, topology: Topology) -> Roofline | None:
    """Return the roofline of a step on one chip, None for a CPU, which has no published peaks.

    Args:
      flops: of a chip and step.
      cost: its bytes and collectives.
      topology: that it runs on.

    >>> from ssljax.planning.topologies import parse
    >>> line = roofline(197e12, Cost(nbytes=2 * 819e9), parse("tpu:v5e:16x16"))
    >>> line.seconds, line.bound
    (2.0, 'memory')
    """
    chip = topology.chip
    if chip is None:
        return None
    per_host = chip.per_host and topology.shape[-1]
    return Roofline(
        compute=flops / chip.flops,
        memory=None if cost.nbytes is None else cost.nbytes / chip.bandwidth,
        network=sum(
            times * one.seconds(chip.link, chip.network, per_host or topology.size)
            for one, times in cost.collectives
        ),
    )


def mfu(model_flops: float, seconds: float, topology: Topology) -> float:
    """Return the model FLOPs utilisation: the part of the peak that a model's own FLOPs take.

    Args:
      model_flops: of a step, over all chips, without what is computed twice to save memory.
      seconds: of a step.
      topology: that it runs on.
    """
    return model_flops / (seconds * topology.size * topology.chip.flops)
