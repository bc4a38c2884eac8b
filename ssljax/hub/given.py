"""The values of another library's config.json, checked one by one."""

import math
import pathlib
from collections.abc import Mapping
from typing import Any

from ssljax.errors import UserError


class Given:
    """Reads values of a config by key; errors name the file and the key.

    Args:
      values: of the file.
      where: the file.
    """

    def __init__(self, values: Mapping[str, Any], where: pathlib.Path):
        self.values, self.where = values, where

    def error(self, key: str, wanted: str) -> UserError:
        """Return the error for a value that will not do."""
        if key not in self.values:
            return UserError(f"{self.where} lacks {key!r}, {wanted}")
        return UserError(f"{self.where}: {key}={self.values[key]!r}; it must be {wanted}")

    def whole(self, key: str, default: int | None = None) -> int:
        """Return a whole number of at least 1; one that stands for several equal ones, too."""
        value = self.values.get(key, default)
        if isinstance(value, list) and value and all(one == value[0] for one in value):
            value = value[0]
        if type(value) is not int or value < 1:
            raise self.error(key, "a whole number above 0")
        return value

    def size(self, key: str) -> int | tuple[int, int]:
        """Return a side, or (height, width)."""
        value = self.values.get(key)
        if isinstance(value, list) and len(value) == 2 and value[0] != value[1]:
            if all(type(one) is int and one > 0 for one in value):
                return tuple(value)
        return self.whole(key)

    def number(self, key: str, default: float | None = None) -> float:
        """Return a finite number."""
        value = self.values.get(key, default)
        if type(value) not in (int, float) or not math.isfinite(value):
            raise self.error(key, "a number")
        return float(value)

    def flag(self, key: str, default: bool) -> bool:
        """Return True or False."""
        value = self.values.get(key, default)
        if type(value) is not bool:
            raise self.error(key, "true or false")
        return value

    def one_of(self, key: str, known: Mapping[str, Any], default: str) -> Any:
        """Return what `known` has under the value."""
        value = self.values.get(key, default)
        if value not in known:
            raise self.error(key, f"one of {', '.join(known)}")
        return known[value]


def ratio(hidden: int, width: int) -> float:
    """Return the float r with int(width r) = hidden, as `encoder.mlp_ratio` is read.

    >>> ratio(1536, 384), int(1152 * ratio(4304, 1152))
    (4.0, 4304)
    """
    r = hidden / width
    return r if int(width * r) == hidden else math.nextafter(r, math.inf)
