"""What one run of a compiled program does on one device: FLOPs, bytes of memory, collectives.

A loop counts as often as it runs: its trip count is what the compiler wrote beside it, or the one
integer constant of its condition. Of the branches of a condition the dearest counts.
"""

import dataclasses
import functools
import re
from collections.abc import Callable, Iterable

from ssljax.planning import flops
from ssljax.planning.collectives import KINDS, Collective, collective
from ssljax.planning.hlo import Array, Computation, Instruction, Module

# What moves nothing: names for arrays that are there, and ends of what was counted at its start.
_FREE = frozenset(
    "parameter constant tuple get-tuple-element bitcast after-all add-dependency partition-id "
    "replica-id opt-barrier while conditional call".split()
)
_FREE_CALLS = ("AllocateBuffer", "Sharding", "ConcatBitcast", "SliceBitcast")
# Their first operand is read in part only: as much as they give.
_PARTIAL = ("dynamic-slice", "slice", "gather")


@dataclasses.dataclass(frozen=True)
class Cost:
    """What a program, or a part of it, does.

    Attributes:
      flops: of matrix products and convolutions.
      nbytes: read from and written to the device's main memory; None if not known.
      collectives: each with how often it runs.
      unknown_loops: loops whose trip count the text does not tell; they count once.
    """

    flops: int = 0
    nbytes: float | None = 0.0
    collectives: tuple[tuple[Collective, int], ...] = ()
    unknown_loops: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            self.flops + other.flops,
            self.nbytes + other.nbytes,
            self.collectives + other.collectives,
            self.unknown_loops + other.unknown_loops,
        )

    def times(self, count: int) -> "Cost":
        """Return the cost of running it `count` times."""
        collectives = tuple((one, count * runs) for one, runs in self.collectives)
        return Cost(count * self.flops, count * self.nbytes, collectives, self.unknown_loops)


def cost(module: Module, *, on_chip: Iterable[int] = (), devices: int = 1) -> Cost:
    """Return the cost of a program on each of its devices.

    Args:
      module: optimized, of one device.
      on_chip: memory spaces that are not the device's main memory.
      devices: on which it runs, for collectives over all of them.
    """
    return _Counter(module, frozenset(on_chip), devices).of(module.entry.name)


class _Counter:
    """Walks a module; each computation is counted once and remembered."""

    def __init__(self, module: Module, on_chip: frozenset[int], devices: int):
        self._module, self._on_chip, self._devices = module, on_chip, devices
        self.of = functools.cache(self._of)

    def _of(self, name: str) -> Cost:
        computation = self._module.computations[name]
        total, channels = Cost(), set()
        for one in computation.instructions.values():
            part = self._instruction(computation, one)
            if one.opcode == "fusion":
                part = _new(part, channels)
            total += part
        return total

    def _instruction(self, computation: Computation, one: Instruction) -> Cost:
        if one.opcode == "while":
            return self._loop(one)
        if one.opcode == "conditional":
            branches = re.search(r"branch_computations=\{([^}]*)\}", one.attributes)
            names = (
                re.findall(r"%?([\w.\-]+)", branches[1])
                if branches
                else (one.called("true_computation"), one.called("false_computation"))
            )
            return max(map(self.of, names), key=lambda branch: (branch.flops, branch.nbytes))
        if one.opcode in ("call", "async-start"):
            return self.of(one.called("to_apply") or one.called("calls"))
        kind = one.opcode.removesuffix("-start")
        if one.opcode == "fusion":
            # What is fused reads and writes no memory but that of the fusion's own ends.
            inside = self.of(one.called("calls"))
            inside = dataclasses.replace(inside, nbytes=self._fusion_bytes(computation, one))
            return _scattered(inside) if "all-reduce-scatter" in one.called("calls") else inside
        nbytes, found = self._bytes(computation, one), ()
        if kind in KINDS:
            found = ((collective(kind, one, computation, self._devices, touched=nbytes), 1),)
        return Cost(_flops(computation, one), nbytes, found)

    def _loop(self, one: Instruction) -> Cost:
        body = self.of(one.called("body")) + self.of(one.called("condition"))
        count = trip_count(self._module, one)
        if count is None:
            return body + Cost(unknown_loops=1)
        return body.times(count)

    # ── Bytes ───────────────────────────────────────────────────────────────────────────────────

    def _size(self, arrays: Iterable[Array]) -> float:
        return sum(array.nbytes for array in arrays if array.space not in self._on_chip)

    def _bytes(self, computation: Computation, one: Instruction) -> float:
        if one.opcode in _FREE or one.opcode.endswith(("-done", "-update")):
            return 0.0
        if any(f'custom_call_target="{target}"' in one.attributes for target in _FREE_CALLS):
            return 0.0
        kind, taken = one.opcode.removesuffix("-start"), computation.operands(one)
        given = list(one.arrays)
        if kind != one.opcode and kind != "all-reduce":
            for array in taken:  # a start gives its operands once more, before its results
                if array in given:
                    given.remove(array)
        if kind in _PARTIAL:
            return self._size(given) + self._size(
                dataclasses.replace(array, space=taken[0].space) for array in given[:1]
            )
        if kind == "dynamic-update-slice":
            return 2 * self._size(taken[1:2])
        if kind == "scatter":  # updates are read, and so is what they change, which is written
            return 3 * self._size(taken[2:3]) + self._size(taken[1:2])
        return self._size(taken) + self._size(given)

    def _fusion_bytes(self, computation: Computation, one: Instruction) -> float:
        inside = self._module.computations[one.called("calls")]
        read = written = 0.0
        for number, name in enumerate(one.operands):
            outer = self._size(computation.instructions[name].arrays)
            if outer:
                read += outer * self._read_part(inside, inside.parameter(number).name)
        for array, root in zip(one.arrays, _results(inside), strict=False):
            written += self._size([array]) * self._written_part(inside, root)
        return read + written

    def _read_part(self, inside: Computation, name: str) -> float:
        """Return which part of an array a fused computation reads, 1 for all of it."""
        whole, part = _elements(inside.instructions[name].arrays), 0.0
        for user in inside.users(name):
            if user.opcode == "bitcast":
                part += self._read_part(inside, user.name)
            elif user.opcode == "fusion":
                deeper = self._module.computations[user.called("calls")]
                for number, operand in enumerate(user.operands):
                    if operand == name:
                        part += self._read_part(deeper, deeper.parameter(number).name)
            elif user.opcode == "tuple" or _sends(user):
                continue  # handed on as it is, or counted with its collective
            elif user.opcode in _PARTIAL and user.operands[0] == name:
                part += _elements(user.arrays) / max(whole, 1)
            elif not (user.opcode == "dynamic-update-slice" and user.operands[0] == name):
                return 1.0
        return min(part, 1.0)

    def _written_part(self, inside: Computation, root: Instruction) -> float:
        """Return which part of a result a fused computation writes: less than all in an update."""
        while root.opcode in ("bitcast", "get-tuple-element"):
            root = inside.instructions[root.operands[0]]
        if root.opcode == "parameter" or _sends(root):
            return 0.0
        if root.opcode == "fusion":
            deeper = self._module.computations[root.called("calls")]
            return self._written_part(deeper, deeper.root)
        if root.opcode != "dynamic-update-slice":
            return 1.0
        update = inside.instructions[root.operands[1]]
        return _elements(update.arrays) / max(_elements(root.arrays), 1)


def _new(part: Cost, channels: set[str]) -> Cost:
    """Return the cost of a fusion without the collectives whose channels were seen before.

    A TPU's compiler lets a collective run beside other work: its start, its end, and every fusion
    in between name the same channel.
    """
    found = [pair for pair in part.collectives if pair[0].channel not in channels]
    channels |= {one.channel for one, _ in found} - {""}
    touched = sum(runs * one.touched for one, runs in found)
    return dataclasses.replace(part, nbytes=part.nbytes + touched, collectives=tuple(found))


def _scattered(part: Cost) -> Cost:
    """Return the cost of a reduction of which each device keeps its part: a reduce-scatter."""
    scattered = (
        (dataclasses.replace(one, kind="reduce-scatter", touched=one.touched / 2), runs)
        for one, runs in part.collectives
    )
    return dataclasses.replace(part, collectives=tuple(scattered))


def _sends(one: Instruction) -> bool:
    return one.opcode in KINDS or "AsyncCollective" in one.attributes


def _elements(arrays: Iterable[Array]) -> int:
    return sum(array.elements for array in arrays)


def _results(inside: Computation) -> list[Instruction]:
    root = inside.root
    if root.opcode == "tuple":
        return [inside.instructions[name] for name in root.operands]
    return [root] * len(root.arrays)


def trip_count(module: Module, loop: Instruction) -> int | None:
    """Return how often a `while` runs, or None where the text does not tell."""
    if known := re.search(r'"known_trip_count":\{"n":"(\d+)"\}', loop.attributes):
        return int(known[1])
    condition = module.computations[loop.called("condition")]
    bounds = {
        int(one.literal)
        for one in condition.instructions.values()
        if one.opcode == "constant" and re.fullmatch(r"\d+", one.literal)
    }
    return bounds.pop() if len(bounds) == 1 else None


# ── FLOPs ───────────────────────────────────────────────────────────────────────────────────────


def _flops(computation: Computation, one: Instruction) -> int:
    count: dict[str, Callable[..., int]] = {"dot": _dot, "convolution": _convolution}
    if one.opcode not in count:
        return 0
    return count[one.opcode](one, *computation.operands(one)[:2])


def _dot(one: Instruction, lhs: Array, rhs: Array) -> int:
    contracted, batch = one.numbers("lhs_contracting_dims"), one.numbers("lhs_batch_dims")
    return flops.product(lhs.dims, rhs.dims, contracted, batch)


def _convolution(one: Instruction, lhs: Array, rhs: Array) -> int:
    labels = re.search(r"dim_labels=(\w+)_(\w+)->(\w+)", one.attributes)
    lhs_labels, rhs_labels, out_labels = labels.groups()
    spatial = [label for label in out_labels if label.isdigit()]
    (out,) = (array for array in one.arrays if len(array.dims) == len(out_labels))
    windows = []
    for label in sorted(spatial, key=int):
        i, k, o = (labels.index(label) for labels in (lhs_labels, rhs_labels, out_labels))
        options = _window(one, len(spatial), int(label))
        windows.append((lhs.dims[i], rhs.dims[k], out.dims[o], *options))
    groups = re.search(r"batch_group_count=(\d+)", one.attributes)
    return flops.convolution(
        batch=lhs.dims[lhs_labels.index("b")] // int(groups[1] if groups else 1),
        features=rhs.dims[rhs_labels.index("i")],
        outputs=rhs.dims[rhs_labels.index("o")],
        windows=windows,
    )


def _window(one: Instruction, rank: int, dim: int) -> tuple[int, int, int, int]:
    """Return (stride, low padding, dilation, kernel dilation) of a spatial dimension."""

    def values(name: str, default: str) -> str:
        found = re.search(rf"[{{ ]{name}=([\dx_\-]+)", one.attributes)
        return (found[1] if found else "x".join([default] * rank)).split("x")[dim]

    low = int(values("pad", "0_0").split("_")[0])
    return (
        int(values("stride", "1")),
        low,
        int(values("lhs_dilate", "1")),
        int(values("rhs_dilate", "1")),
    )
