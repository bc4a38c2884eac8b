"""Reads the text of a compiled program: computations of instructions with shapes, in XLA's HLO."""

import dataclasses
import math
import re
from collections.abc import Iterator

# Bytes of an element; a token and what is opaque have none.
_WIDTHS = {"pred": 1, "token": 0, "opaque": 0, "bf16": 2, "c64": 8, "c128": 16}
_ARRAY = re.compile(r"([a-z]\w*)\[([\d,<=]*)\](?:\{([^{}]*)\})?")
_HEADER = re.compile(r"^(ENTRY )?%?([\w.\-]+) \(.*\) -> .* \{$")
_ASSIGNMENT = re.compile(r"^\s*(ROOT )?%?([\w.\-]+) = (.*)$")
_COMMENT = re.compile(r"/\*.*?\*/")


@dataclasses.dataclass(frozen=True)
class Array:
    """An array as the program holds it.

    Attributes:
      dtype: XLA's name, such as "bf16".
      dims: sizes of its dimensions.
      order: dimensions from the fastest varying to the slowest.
      tile: to multiples of which the fastest dimensions are padded, the slower one first.
      space: of memory; 0 is the device's main memory.
    """

    dtype: str
    dims: tuple[int, ...]
    order: tuple[int, ...] = ()
    tile: tuple[int, ...] = ()
    space: int = 0

    @property
    def elements(self) -> int:
        """Return the number of elements, without padding."""
        return math.prod(self.dims)

    @property
    def itemsize(self) -> float:
        """Return the bytes of an element; four-bit integers have half a byte."""
        if self.dtype in _WIDTHS:
            return _WIDTHS[self.dtype]
        bits = re.match(r"[a-z]+(\d+)", self.dtype)
        return int(bits[1]) / 8 if bits else 0

    @property
    def nbytes(self) -> float:
        """Return the bytes that it takes in memory, padding of its tiles included."""
        padded = list(self.dims)
        for dim, size in zip(self.order, reversed(self.tile), strict=False):
            padded[dim] = -(-padded[dim] // size) * size
        return math.prod(padded) * self.itemsize


@dataclasses.dataclass(frozen=True)
class Instruction:
    """One instruction: `name = arrays opcode(operands), attributes`.

    Attributes:
      name: within its computation.
      opcode: such as "fusion".
      arrays: that it gives, those of a tuple in order.
      operands: names of instructions of the same computation.
      literal: the text between its parentheses: a parameter's number, a constant's value.
      attributes: the text after them.
    """

    name: str
    opcode: str
    arrays: tuple[Array, ...]
    operands: tuple[str, ...]
    literal: str
    attributes: str

    def called(self, attribute: str) -> str | None:
        """Return the name of the computation that an attribute such as "body" names."""
        found = re.search(rf"\b{attribute}=%?([\w.\-]+)", self.attributes)
        return found[1] if found else None

    def numbers(self, attribute: str) -> tuple[int, ...]:
        """Return the numbers of an attribute such as lhs_contracting_dims={1,2}."""
        found = re.search(rf"\b{attribute}=\{{([\d,]*)\}}", self.attributes)
        return _integers(found[1]) if found else ()


@dataclasses.dataclass(frozen=True)
class Computation:
    """Instructions by name, in the order of the text; the root is what it returns."""

    name: str
    instructions: dict[str, Instruction]
    root: Instruction

    def operands(self, instruction: Instruction) -> list[Array]:
        """Return the arrays that an instruction takes, those of tuples in order."""
        return [a for name in instruction.operands for a in self.instructions[name].arrays]

    def users(self, name: str) -> Iterator[Instruction]:
        """Yield the instructions that take the result called `name`."""
        return (one for one in self.instructions.values() if name in one.operands)

    def parameter(self, number: int) -> Instruction:
        """Return the parameter with that number."""
        return next(
            one
            for one in self.instructions.values()
            if one.opcode == "parameter" and int(one.literal) == number
        )


@dataclasses.dataclass(frozen=True)
class Module:
    """A whole program: its computations by name, and the one at which it begins."""

    computations: dict[str, Computation]
    entry: Computation


def parse(text: str) -> Module:
    """Return the program that `compiled.as_text()` shows.

    Raises:
      ValueError: the text has no entry computation, or an instruction that cannot be read.
    """
    computations: dict[str, Computation] = {}
    entry, name, instructions, root = None, "", {}, None
    for line in text.splitlines():
        line = _COMMENT.sub("", line)
        if header := _HEADER.match(line):
            name, instructions, root = header[2], {}, None
            entry = name if header[1] else entry
        elif line.startswith("}") and instructions:
            last = root or list(instructions.values())[-1]
            computations[name] = Computation(name, instructions, last)
        elif assignment := _ASSIGNMENT.match(line):
            one = _instruction(assignment[2], assignment[3])
            instructions[one.name] = one
            root = one if assignment[1] else root
    if entry not in computations:
        raise ValueError("this is no program in HLO: it has no entry computation")
    return Module(computations, computations[entry])


def _instruction(name: str, text: str) -> Instruction:
    shape, rest = _shape_and_rest(text)
    opcode, opened, rest = rest.partition("(")
    if not opened:
        raise ValueError(f"cannot read the instruction {name}: {text[:200]}")
    end = _closing(rest, depth=1)
    inside, attributes = rest[:end], rest[end + 1 :]
    return Instruction(
        name=name,
        opcode=opcode.strip(),
        arrays=arrays(shape),
        operands=tuple(re.findall(r"%([\w.\-]+)", inside)),
        literal=inside,
        attributes=attributes,
    )


def _shape_and_rest(text: str) -> tuple[str, str]:
    if text.startswith("("):
        end = _closing(text[1:], depth=1) + 2
        return text[:end], text[end:]
    shape, _, rest = text.partition(" ")
    return shape, rest


def _closing(text: str, depth: int) -> int:
    """Return where the parenthesis closes that was opened before `text`."""
    for found in re.finditer(r"[()]", text):
        depth += 1 if found[0] == "(" else -1
        if depth == 0:
            return found.start()
    raise ValueError(f"unbalanced parentheses: {text[:200]}")


def arrays(text: str) -> tuple[Array, ...]:
    """Return the arrays of a shape in HLO's notation; a tuple has several, or none.

    >>> arrays("(f32[2,3]{1,0}, bf16[5,7]{1,0:T(8,128)(2,1)S(1)})")[1].nbytes
    2048
    """
    return tuple(_array(*found) for found in _ARRAY.findall(text))


def _array(dtype: str, dims: str, layout: str) -> Array:
    order, _, memory = layout.partition(":")
    tile = re.search(r"T\(([\d,]+)\)", memory)
    space = re.search(r"S\((\d+)\)", memory)
    return Array(
        dtype,
        _integers(dims.replace("<=", "")),
        _integers(order),
        _integers(tile[1]) if tile else (),
        int(space[1]) if space else 0,
    )


def _integers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in text.split(",") if number)
