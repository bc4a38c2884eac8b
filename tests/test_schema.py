"""The types of a config's values: what each takes, what it refuses, and in what words."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import pytest
from ml_collections import ConfigDict

from ssljax.errors import UserError
from ssljax.schema import (
    Above,
    Ascending,
    Count,
    Decay,
    Depth,
    NotEmpty,
    NotNegative,
    Number,
    OneOf,
    OpenShare,
    Part,
    Pixels,
    Positive,
    Seed,
    Share,
    Size,
    Width,
    Widths,
    convert,
    describe,
    parse,
)
from tests import late

NOTHING = [math.nan, math.inf, -math.inf, 10**400]


@dataclasses.dataclass(frozen=True)
class Inner:
    """A section in a section."""

    count: Count = 2


class Made:
    """A section that makes itself."""

    def __init__(self, section, where):
        self.section, self.where = dict(section), where

    from_config = classmethod(lambda cls, section, where: cls(section, where))


@dataclasses.dataclass(frozen=True)
class Section:
    """A section with a key of every kind."""

    run: Any
    temperature: Positive = 0.1
    momentum: Share = 0.996
    queue_size: Count = 65536
    hidden: Widths = (2048,)
    pool: Literal["cls", "mean"] = "cls"
    bare: tuple = (1, 2)
    mixed: tuple = (1, 0.5)
    scale: tuple[Share, Share] = (0.2, 1.0)
    block: int | tuple[int, int] = 3
    size: Count | None = None
    inner: Inner = Inner()
    weights: Mapping[str, NotNegative] = dataclasses.field(default_factory=dict)
    made: Made | None = None
    anything: Any = None
    flag: bool = False

    def __post_init__(self):
        if self.queue_size % 2:
            raise UserError(f"objective.queue_size={self.queue_size} is odd")
        if self.hidden == (7,):
            raise ValueError("seven is not allowed")


def test_values_come_as_their_types_hold_them():
    made = parse(
        Section,
        ConfigDict({"temperature": 1, "hidden": [3, 4], "scale": [0, 1], "inner": {"count": 5}}),
        "objective",
        run="run",
    )
    assert made == Section("run", 1.0, hidden=(3, 4), scale=(0.0, 1.0), inner=Inner(5))
    assert isinstance(made.temperature, float) and isinstance(made.scale[0], float)
    assert parse(Section, {"weights": {"a": 1}}, "x", run=0).weights == {"a": 1.0}
    assert parse(Section, {"block": [1, 2]}, "x", run=0).block == (1, 2)
    assert parse(Section, {"size": None, "bare": []}, "x", run=0).bare == ()
    assert parse(Section, {"made": {"a": 1}}, "x", run=0).made.where == "x.made"


@pytest.mark.parametrize(
    "given, message",
    [
        ({"temperatur": 1}, "unknown config key 'objective.temperatur'; did you mean 'obj.*temp"),
        ({"run": 1}, "unknown config key 'objective.run'"),
        ({"temperature": 0}, "^config.objective.temperature=0.0; it must be above 0$"),
        ({"temperature": "1"}, "objective.temperature='1' is of type str; it must be float"),
        ({"temperature": True}, "objective.temperature=True is of type bool; it must be float"),
        ({"momentum": 1.5}, "objective.momentum=1.5; it must be between 0 and 1"),
        ({"queue_size": 4.0}, "queue_size=4.0 is of type float; it must be int"),
        ({"queue_size": True}, "queue_size=True is of type bool; it must be int"),
        ({"queue_size": 0}, "queue_size=0; it must be at least 1"),
        ({"queue_size": 2**40}, "queue_size=1099511627776; it must be at most 2,147,483,647"),
        ({"queue_size": 3}, "^config.objective.queue_size=3 is odd"),
        ({"hidden": (7,)}, "^config.objective: seven is not allowed"),
        ({"hidden": 3}, "hidden=3 is of type int; it must be tuple of int at least 1"),
        ({"hidden": (3, 0)}, r"hidden\[1\]=0; it must be at least 1"),
        ({"pool": "max"}, "unknown objective.pool 'max'. Known: cls, mean"),
        ({"pool": 0}, "objective.pool=0; it must be 'cls' or 'mean'"),
        ({"bare": (1, "a")}, r"bare\[1\]='a' is of type str; it must be int"),
        ({"mixed": ("a",)}, r"mixed\[0\]='a' is of type str; it must be float"),
        ({"scale": (0.2,)}, r"scale=\(0.2,\) has 1 entries; it must be \(float between 0 and 1, "),
        ({"block": "a"}, "block='a' is of type str; it must be int or \\(int, int\\)"),
        ({"size": 0}, "size=0; it must be at least 1"),
        ({"size": "a"}, "size='a' is of type str; it must be int at least 1 or None"),
        ({"inner": 3}, "inner=3 is of type int; it must be a section"),
        ({"inner": {"count": 0}}, "^config.objective.inner.count=0; it must be at least 1"),
        ({"inner": {"cout": 1}}, "'objective.inner.cout'; did you mean 'objective.inner.count'"),
        ({"weights": 1}, "weights=1 is of type int; it must be a section"),
        ({"weights": {"a": -1}}, "weights.a=-1.0; it must be at least 0"),
        ({"flag": 1}, "flag=1 is of type int; it must be bool"),
        ({"pool": {"a": 1}}, "pool={'a': 1}; it must be 'cls' or 'mean'"),
        ({"queue_size": ConfigDict({"a": 1})}, "queue_size={'a': 1} is of type section; it must"),
    ],
)
def test_what_is_wrong_is_named_with_what_is_right(given, message):
    with pytest.raises(UserError, match=message) as raised:
        parse(Section, given, "config.objective", run=0)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("section", [3, "simclr", None, (1, 2)])
def test_what_is_no_section_is_refused(section):
    with pytest.raises(UserError, match="config.x=.* it must be a section"):
        parse(Inner, section, "config.x")


def test_missing_values_are_named():
    @dataclasses.dataclass
    class Needs:
        start: float
        end: float
        steps: int = 0

    with pytest.raises(UserError, match="^w lacks w.end$"):
        parse(Needs, {"start": 1}, "w")


@pytest.mark.parametrize("kind", [float, Positive, NotNegative, Share, OpenShare, Number])
@pytest.mark.parametrize("value", NOTHING)
def test_no_number_is_nan_or_infinite(kind, value):
    with pytest.raises(UserError, match="^x=.*; it must be a finite number"):
        convert(value, kind, "x")
    with pytest.raises(UserError, match=r"^x\[1\]=.*; it must be a finite number"):
        convert((0.5, value), tuple[kind, ...], "x")


@pytest.mark.parametrize(
    "kind, good, bad",
    [
        (Positive, [1e-30, 1, 1e9], [0, -1, 1e-40, 1e30]),
        (NotNegative, [0, 1e9], [-1e-9, 1e10]),
        (Share, [0, 0.5, 1], [-0.1, 1.1]),
        (OpenShare, [1e-9, 0.5], [0, 1, 2]),
        (Number, [-1e9, 0, 1e9], [1e10, -1e10]),
        (Part, [1e-9, 1], [0, 1.1]),
        (Decay, [0, 0.999], [1, -0.1]),
        (tuple[()] | tuple[Part, Part], [(), (0.5, 1.0)], [(0, 1), (0.5,)]),
        (Literal[-1] | Count, [-1, 1], [0, -2]),
        (Count, [1, 2**31 - 1], [0, -1, 2**31]),
        (Size, [0, 2**31 - 1], [-1, 2**31]),
        (Depth, [1, 10_000], [0, 10**6]),
        (Width, [1, 2**24], [0, 2**30]),
        (Pixels, [1, 65536], [0, -32, 2**20]),
        (Seed, [0, 2**32 - 1], [-1, 2**32, 2**40]),
        (Widths, [(), (1, 2)], [(0,), (1, -1)]),
        (Annotated[tuple[float, float], Ascending()], [(0, 0), (0, 1)], [(1, 0)]),
        (Annotated[tuple[int, ...], NotEmpty()], [(0,)], [()]),
        (Annotated[str, OneOf({"a": 1})], ["a"], ["b", ""]),
        (Annotated[float, Above(0)], [1], [0, -2]),
    ],
)
def test_ranges(kind, good, bad):
    for value in good:
        assert convert(value, kind, "x") == value
    for value in bad:
        with pytest.raises(UserError, match=r"^x(\[.\])?=|unknown x '"):
            convert(value, kind, "x")


def test_annotations_may_be_strings():
    """Those of a module that begins with `from __future__ import annotations`."""
    made = parse(late.Late, {"temperature": 1, "views": {"count": 3}}, "objective", run=1)
    assert made.temperature == 1.0 and isinstance(made.temperature, float)
    assert made.views == late.View(3)
    for given, message in [
        ({"temperature": "warm"}, "temperature='warm' is of type str; it must be float"),
        ({"temperature": -1}, "temperature=-1.0; it must be above 0"),
        ({"views": {"count": 0}}, "views.count=0; it must be at least 1"),
        # Their annotations cannot be evaluated: the type of the default it is, or no check.
        ({"steps": 0.5}, "steps=0.5 is of type float; it must be int"),
    ]:
        with pytest.raises(UserError, match=f"objective.{message}"):
            parse(late.Late, given, "objective", run=1)
    assert parse(late.Late, {"other": "x"}, "objective", run=1).other == "x"


def test_types_in_words():
    assert describe(Share) == "float between 0 and 1"
    assert describe(int | None) == "int or None"
    assert describe(tuple[Share, ...]) == "tuple of float between 0 and 1"
    assert describe(Annotated[str, OneOf(("a", "b"))]) == "one of 'a', 'b'"
    assert describe(Any) == "any value" and describe(Inner) == "a section"
