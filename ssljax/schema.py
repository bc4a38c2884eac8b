"""The types of a config's values, and the one loader of its sections.

A section is described by a class whose fields are its keys. The annotation of a field says what the
value may be, range included, so that both stand once, beside the field:

    @dataclass(frozen=True)
    class SimCLR(Objective):
        temperature: Positive = 0.1
        projector_hidden: Widths = (2048,)
        pool: Literal["cls", "mean"] = "cls"

`parse` makes the class of a section. It is used for every section: those of a run, encoders (Linen
modules are dataclasses too), objectives, views and the optimizer. No number may be nan or infinite.
"""

import dataclasses
import math
import re
import types
import typing
from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal, TypeVar

from ssljax.errors import UserError, unknown

T = TypeVar("T")


class WrongType(UserError):
    """A value is of another type than its key's."""


@dataclasses.dataclass(frozen=True)
class Range:
    """An interval of numbers.

    Attributes:
      least: its lower end.
      most: its upper end.
      above: whether the lower end is left out.
      below: whether the upper end is left out.
    """

    least: float = -math.inf
    most: float = math.inf
    above: bool = False
    below: bool = False

    def __contains__(self, value: Any) -> bool:
        low = value > self.least if self.above else value >= self.least
        return low and (value < self.most if self.below else value <= self.most)

    def __str__(self) -> str:
        low = f"{'above' if self.above else 'at least'} {_number(self.least)}"
        high = f"{'below' if self.below else 'at most'} {_number(self.most)}"
        if math.inf in (-self.least, self.most):
            return low if self.most == math.inf else high
        if self.above or self.below:
            return f"{low} and {high}"
        return f"between {_number(self.least)} and {_number(self.most)}"


def Above(least: float) -> Range:  # noqa: N802 (it stands in annotations)
    """Return the numbers x > least."""
    return Range(least, above=True)


def AtLeast(least: float) -> Range:  # noqa: N802
    """Return the numbers x >= least."""
    return Range(least)


def AtMost(most: float) -> Range:  # noqa: N802
    """Return the numbers x <= most."""
    return Range(most=most)


def Between(least: float, most: float) -> Range:  # noqa: N802
    """Return the numbers from least to most, each of them included."""
    return Range(least, most)


@dataclasses.dataclass(frozen=True)
class OneOf:
    """The names of a table, such as that of all encoders; a `Literal` does where they are few.

    Attributes:
      names: what is allowed.
    """

    names: Collection[str]

    def __contains__(self, value: Any) -> bool:
        return value in self.names

    def __str__(self) -> str:
        return f"one of {', '.join(map(repr, self.names))}"


@dataclasses.dataclass(frozen=True)
class Ascending:
    """Sequences in which no value is below the one before it: (least, greatest)."""

    def __contains__(self, value: Any) -> bool:
        return all(one <= two for one, two in zip(value, value[1:], strict=False))

    def __str__(self) -> str:
        return "in ascending order"


@dataclasses.dataclass(frozen=True)
class NotEmpty:
    """Sequences and texts with at least one entry."""

    def __contains__(self, value: Any) -> bool:
        return len(value) > 0

    def __str__(self) -> str:
        return "non-empty"


# Counters on a device are int32, and numbers there float32: beyond these limits nothing is computed
# as it was meant.
_MOST_INT = 2**31 - 1
_MOST_FLOAT = 1e9
_LEAST_FLOAT = 1e-30

Number = Annotated[float, Between(-_MOST_FLOAT, _MOST_FLOAT)]
Positive = Annotated[float, Above(0), AtLeast(_LEAST_FLOAT), AtMost(_MOST_FLOAT)]
Temperature = Annotated[float, Above(0), AtLeast(1e-4), AtMost(1e4)]
NotNegative = Annotated[float, AtLeast(0), AtMost(_MOST_FLOAT)]
Share = Annotated[float, Between(0, 1)]
OpenShare = Annotated[float, Range(0, 1, above=True, below=True)]
Part = Annotated[float, Range(0, 1, above=True)]  # of a whole, and not nothing
Decay = Annotated[float, Range(0, 1, below=True)]  # of a moving average that does move
Count = Annotated[int, AtLeast(1), AtMost(_MOST_INT)]
Size = Annotated[int, AtLeast(0), AtMost(_MOST_INT)]
CountOrNone = Size  # 0: none, off, or all there are
Depth = Annotated[int, AtLeast(1), AtMost(10_000)]  # layers, each of which is traced or scanned
Width = Annotated[int, AtLeast(1), AtMost(2**24)]  # features
Widths = tuple[Width, ...]
Prototypes = Annotated[int, AtLeast(2), AtMost(2**24)]  # with 1, all distributions are equal
Pixels = Annotated[int, AtLeast(1), AtMost(2**16)]
PixelsOrNone = Annotated[int, AtLeast(0), AtMost(2**16)]  # 0: as large as the images are
Seed = Annotated[int, AtLeast(0), AtMost(2**32 - 1)]
Dtype = Literal["float32", "bfloat16"]


_OWN_NAME = r"\b(config\.)?objective\.(?!tasks\.)"


def parse(cls: type[T], section: Mapping[str, Any], where: str, **given: Any) -> T:
    """Return `cls(**given, **section)`, each value checked against the annotation of its field.

    Values are changed only so that they are of the field's type: an int where a float is wanted, a
    list where a tuple is. A field whose type is a dataclass is a section itself; one whose type has
    a class method `from_config(value, where)` is made by it. Annotations may be strings; one that
    cannot be evaluated (it is imported for type checkers alone) stands for the type of the default.

    Args:
      cls: a dataclass; Linen modules are such.
      section: plain values by field name: a mapping or a ConfigDict.
      where: the name of the section, such as "config.objective", for error messages.
      **given: fields that do not come from the config, and cannot be set by it.

    Raises:
      UserError: a key that is no field, with the nearest that is; a value of another type or out of
        range, with what is allowed; a missing value; or whatever `cls` refuses.
    """
    values = check(cls, section, where, *given)
    try:
        return cls(**given, **values)
    except UserError as error:
        # An objective calls its fields "objective.NAME"; as a task of another it lies elsewhere.
        raise UserError(re.sub(_OWN_NAME, f"{where}.", str(error))) from error
    except (ValueError, TypeError) as error:
        raise UserError(f"{where}: {error}") from error


def check(cls: type, section: Mapping[str, Any], where: str, *given: str) -> dict[str, Any]:
    """Return the values of a section as the fields of `cls` hold them, without making one.

    Arguments and errors are those of `parse`; of the `given` fields the names suffice.
    """
    if not is_section(section):
        raise _wrong_type(where, section, "a section")
    known = settable(cls, *given)
    values = {}
    for key, value in section.items():
        if key not in known:
            names = [_key(f"{where}.{name}") for name in known]
            raise unknown("config key", _key(f"{where}.{key}"), names)
        values[key] = convert(value, known[key], f"{where}.{key}")
    required = {
        field.name
        for field in dataclasses.fields(cls)
        if field.default is field.default_factory is dataclasses.MISSING
    }
    if missing := [name for name in known if name in required and name not in values]:
        raise UserError(f"{where} lacks {', '.join(f'{where}.{name}' for name in missing)}")
    return values


def settable(cls: type, *given: str) -> dict[str, Any]:
    """Return the type of each field that a config can set, by name, but for those `given`."""
    hints = _hints(cls)
    return {
        field.name: _of_items(hints[field.name], field.default)
        for field in dataclasses.fields(cls)
        if field.init and field.name not in given
    }


def _of_items(kind: Any, default: Any) -> Any:
    """Return what a bare `tuple` holds by its default: items of the same type, however many."""
    if kind is not tuple or not isinstance(default, tuple):
        return kind
    kinds = {type(item) for item in default}
    if kinds in ({int}, {float}, {str}, {bool}):
        return tuple[kinds.pop(), ...]
    return tuple[float, ...] if kinds == {int, float} else kind


def convert(value: Any, kind: Any, name: str) -> Any:
    """Return `value` as the type `kind` holds it.

    Args:
      value: plain: a number, text, None, or a sequence or section of these.
      kind: float, int, bool, str, a Literal, a tuple of types, a mapping, a class that makes itself
        of a section, a union of these, or any of them Annotated with ranges. Any other takes all.
      name: of the value, for error messages.

    Raises:
      UserError: it is of another type or out of range.
    """
    origin = typing.get_origin(kind)
    if origin is Annotated:
        value = convert(value, kind.__origin__, name)
        return _in_ranges(value, kind.__metadata__, name)
    if origin is Literal:
        return _one_of(value, typing.get_args(kind), name)
    if origin in (typing.Union, types.UnionType):
        return _any_of(value, typing.get_args(kind), name)
    if kind is tuple or origin is tuple:
        return _items(value, kind, name)
    if kind is float:
        return _finite(value, name)
    if kind in (int, bool, str, types.NoneType):
        if type(value) is not kind:
            raise _wrong_type(name, value, describe(kind))
        return value
    if hasattr(kind, "from_config"):
        return kind.from_config(value, name)
    if dataclasses.is_dataclass(kind):
        if not is_section(value):
            raise _wrong_type(name, value, "a section")
        return parse(kind, value, name)
    if isinstance(origin or kind, type) and issubclass(origin or kind, Mapping):
        if not is_section(value):
            raise _wrong_type(name, value, "a section")
        of = (typing.get_args(kind) or (str, Any))[1]
        return {key: convert(item, of, f"{name}.{key}") for key, item in value.items()}
    return value


def describe(kind: Any) -> str:
    """Return in words what a type holds.

    >>> describe(Positive), describe(Widths), describe(Literal["cls", "mean"])
    ('float above 0', 'tuple of int at least 1', "'cls' or 'mean'")
    """
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin is Annotated:
        ranges = [str(check) for check in kind.__metadata__ if hasattr(check, "__contains__")]
        limits = ranges[:1]  # further ones are where nonsense begins
        if kind.__origin__ is str and limits:
            return limits[0]
        return " ".join([describe(kind.__origin__), *limits])
    if origin is Literal:
        return " or ".join(map(repr, args))
    if origin in (typing.Union, types.UnionType):
        return " or ".join(map(describe, args))
    if origin is tuple:
        if not args:
            return "()"
        if args[-1:] == (Ellipsis,):
            return f"tuple of {describe(args[0])}"
        return f"({', '.join(map(describe, args))})"
    if kind is types.NoneType:
        return "None"
    if kind in (int, float, bool, str, tuple):
        return kind.__name__
    return "any value" if kind is Any else "a section"


def is_section(value: Any) -> bool:
    """Whether a value is a section: a mapping, or a ConfigDict, which is none."""
    return hasattr(value, "items") and hasattr(value, "keys")


def _hints(cls: type) -> dict[str, Any]:
    """Return the annotations of a dataclass's fields, evaluated."""
    try:
        return typing.get_type_hints(cls, include_extras=True)
    except Exception:  # one of them cannot be evaluated: each for itself
        return {field.name: _hint(cls, field) for field in dataclasses.fields(cls)}


def _hint(cls: type, field: dataclasses.Field) -> Any:
    """Return the annotation of one field; the default's type if it cannot be evaluated."""
    for owner in cls.__mro__:
        if field.name in owner.__dict__.get("__annotations__", {}):
            alone = type(owner.__name__, (), {"__annotations__": {field.name: field.type}})
            alone.__module__ = owner.__module__
            try:
                return typing.get_type_hints(alone, include_extras=True)[field.name]
            except Exception:
                break
    kind = type(field.default)
    return kind if kind in (int, float, bool, str, tuple) else Any


def _in_ranges(value: Any, ranges: tuple[Any, ...], name: str) -> Any:
    for allowed in ranges:
        if not hasattr(allowed, "__contains__") or value in allowed:
            continue
        if isinstance(allowed, OneOf):
            raise unknown(_key(name), value, allowed.names)
        raise UserError(f"{name}={value!r}; it must be {allowed}")
    return value


def _one_of(value: Any, known: tuple[Any, ...], name: str) -> Any:
    if not any(value == one and type(value) is type(one) for one in known):
        if all(isinstance(one, str) for one in known) and isinstance(value, str):
            raise unknown(_key(name), value, known)
        error = UserError if type(value) in map(type, known) else WrongType
        raise error(f"{name}={_shown(value)[0]!r}; it must be {' or '.join(map(repr, known))}")
    return value


def _any_of(value: Any, kinds: tuple[Any, ...], name: str) -> Any:
    """Return the value as the first of several types that takes it."""
    errors = []
    for kind in kinds:
        try:
            return convert(value, kind, name)
        except UserError as error:
            errors.append(error)
    close = [error for error in errors if not isinstance(error, WrongType)]
    if len(close) == 1:  # the type is right, so this one says what is wrong
        raise close[0]
    wanted = " or ".join(map(describe, kinds))
    if close or isinstance(value, list | tuple):
        raise UserError(f"{name}={value!r}; it must be {wanted}")
    raise _wrong_type(name, value, wanted)


def _items(value: Any, kind: Any, name: str) -> tuple:
    """Return a tuple, also of a list, each of its items as its type holds it."""
    if not isinstance(value, list | tuple):
        raise _wrong_type(name, value, describe(kind))
    if kind is tuple:
        return tuple(value)
    kinds = typing.get_args(kind)
    if kinds[-1:] == (Ellipsis,):
        kinds = kinds[:1] * len(value)
    if len(value) != len(kinds):
        raise WrongType(f"{name}={value!r} has {len(value)} entries; it must be {describe(kind)}")
    return tuple(
        convert(item, kind, f"{name}[{number}]")
        for number, (item, kind) in enumerate(zip(value, kinds, strict=True))
    )


def _finite(value: Any, name: str) -> float:
    if type(value) not in (int, float):
        raise _wrong_type(name, value, "float")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise UserError(f"{name}={str(value)[:20]}; it must be a finite number")
    return number


def _wrong_type(name: str, value: Any, wanted: str) -> WrongType:
    shown, kind = _shown(value)
    return WrongType(f"{name}={shown!r} is of type {kind}; it must be {wanted}")


def _shown(value: Any) -> tuple[Any, str]:
    """Return a value as a message shows it, and its type."""
    if is_section(value):  # a ConfigDict prints itself in several lines
        return value.to_dict() if hasattr(value, "to_dict") else dict(value), "section"
    return value, type(value).__name__


def _key(name: str) -> str:
    """Return the name of a key as messages that say "config key" give it."""
    return name.removeprefix("config.")


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"
