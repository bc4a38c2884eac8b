"""Collectives of a compiled program: what a device sends, over which links, and for how long."""

import dataclasses
import re
from collections.abc import Sequence

import numpy as np

from ssljax.planning.hlo import Array, Computation, Instruction

KINDS = (
    "all-reduce",
    "all-gather",
    "reduce-scatter",
    "all-to-all",
    "ragged-all-to-all",
    "collective-permute",
    "collective-broadcast",
)


@dataclasses.dataclass(frozen=True)
class Collective:
    """One collective, as each of its devices takes part in it.

    Attributes:
      kind: one of `KINDS`.
      dtype: of what is sent.
      payload: bytes that a device has in whole: before a reduction, after a gather.
      group: numbers of the devices of one group; of a permutation, a device and where it sends.
      channel: that tells it from others of the program; "" for none.
      touched: bytes of main memory that it reads and writes.
    """

    kind: str
    dtype: str
    payload: float
    group: tuple[int, ...]
    channel: str = ""
    touched: float = 0.0

    @property
    def sent(self) -> float:
        """Return the bytes that a device sends in a ring, which is the least there can be.

        (n - 1) / n of the payload among n devices; an all-reduce is a reduction and a gather.
        """
        return self._factor(len(self.group))

    def _factor(self, devices: int) -> float:
        if self.kind == "collective-permute":
            return self.payload if len(set(self.group)) > 1 else 0.0
        passes = 2 if self.kind == "all-reduce" else 1
        return passes * self.payload * (devices - 1) / devices

    def seconds(self, link: float, network: float, per_host: int) -> float:
        """Return the time that its bytes take at best.

        Within a host they go over links, between hosts over the network, at the same time: a
        reduction among hosts is of what each of their devices has summed, which is its share.

        Args:
          link: bytes a second that a device sends to others of its host, or of its slice.
          network: likewise to other hosts.
          per_host: devices of a host.
        """
        hosts = {device // per_host for device in self.group}
        if len(hosts) == 1:
            return self.sent / link
        if self.kind == "collective-permute":
            return self.sent / network
        local = len(self.group) / len(hosts)
        if self.kind in ("all-to-all", "ragged-all-to-all"):
            outside = self.payload * (1 - 1 / len(hosts))
        else:
            outside = self._factor(len(hosts)) / local
        return max((self.sent - outside) / link, outside / network)


def collective(
    kind: str, one: Instruction, computation: Computation, devices: int, *, touched: float
) -> Collective:
    """Return the collective that an instruction starts.

    Args:
      kind: its opcode without "-start".
      one: the instruction.
      computation: that it stands in.
      devices: of the whole program.
      touched: bytes of main memory that it reads and writes.
    """
    taken = computation.operands(one)
    group = _permutation(one) if kind == "collective-permute" else _group(one, devices)
    payload = sum(map(_dense, taken))
    if kind == "all-gather":
        payload *= len(group)
    dtype = max(taken, key=_dense).dtype if taken else "token"
    channel = re.search(r"channel_id=(\d+)", one.attributes)
    return Collective(kind, dtype, payload, group, channel[1] if channel else "", touched)


def _dense(array: Array) -> float:
    return array.elements * array.itemsize


def _permutation(one: Instruction) -> tuple[int, ...]:
    """Return the pair of devices that are farthest apart: a step of a ring waits for them."""
    found = re.search(r"source_target_pairs=\{(.*?)\}\}", one.attributes)
    pairs = re.findall(r"(\d+),(\d+)", found[1]) if found else []
    return max(((int(a), int(b)) for a, b in pairs), key=lambda p: abs(p[0] - p[1]), default=(0,))


def _group(one: Instruction, devices: int) -> tuple[int, ...]:
    """Return the first group of devices; they are all alike."""
    if listed := re.search(r"replica_groups=\{\{([\d,]*)\}", one.attributes):
        return tuple(int(number) for number in listed[1].split(","))
    if mesh := re.search(r"replica_groups=mesh\[([^\]]*)\](.*?) \{([^}]*)\}", one.attributes):
        return _group_of_mesh(*mesh.groups())
    if iota := re.search(rf"replica_groups=\[([\d,]+)\]<={_IOTA}", one.attributes):
        shape, reshaped, order = iota.groups(default="")
        return tuple(_iota(reshaped, order).reshape(_numbers(shape))[0].tolist())
    return tuple(range(devices))


# Numbers in order, laid out as an array and perhaps transposed: "[2,4]T(1,0)".
_IOTA = r"\[([\d,]+)\](?:T\(([\d,]+)\))?"


def _iota(shape: str, order: str) -> np.ndarray:
    numbers = np.arange(np.prod(_numbers(shape))).reshape(_numbers(shape))
    return numbers.transpose(_numbers(order)) if order else numbers


def _group_of_mesh(axes: str, devices: str, along: str) -> tuple[int, ...]:
    """Return the first group of a mesh with named axes, along some of them or parts of them.

    Args:
      axes: such as "'axis_0'=4,'axis_1'=2".
      devices: "" or ", device_ids=([2,4]T(1,0))", how they lie in it.
      along: such as "'axis_0'", or "'axis_0':(2)4": an axis of 16, say, seen as 2 x 4 x 2, along
        the 4.
    """
    sizes = {name: int(size) for name, size in re.findall(r"'(\w+)'=(\d+)", axes)}
    given = re.search(_IOTA, devices)
    numbers = (
        _iota(*given.groups(default="")) if given else np.arange(np.prod(list(sizes.values())))
    )
    numbers, chosen = numbers.reshape(tuple(sizes.values())), {}
    for name, outer, size in re.findall(r"'(\w+)'(?::\((\d+)\)(\d+))?", along):
        chosen[name] = (int(outer or 1), int(size or sizes[name]))
    parts = []
    for name, size in sizes.items():
        outer, taken = chosen.get(name, (1, 1))
        parts.append((outer, taken, size // (outer * taken)))
    numbers = numbers.reshape([length for part in parts for length in part])
    return tuple(numbers[(0, slice(None), 0) * len(parts)].ravel().tolist())


def _numbers(text: str) -> Sequence[int]:
    return [int(number) for number in text.split(",") if number]
