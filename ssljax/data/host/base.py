"""What brings one field of an example to a fixed shape before it is shipped to a device."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from ssljax.spec import Field


class HostTransform(Protocol):
    """One step from an example as read to an example as shipped; small, frozen, picklable.

    Attributes:
      random: whether a call draws at random; if not, its generator may be None.
    """

    random: bool

    def field(self, field: Field) -> Field:
        """Return what the field is like afterwards."""

    def __call__(self, value: np.ndarray, rng: np.random.Generator | None) -> np.ndarray:
        """Return the transformed value of one example."""

    def fingerprint(self) -> dict[str, Any]:
        """Return what the result depends on, JSON-able."""


def sides(field: Field) -> str:
    """Return the shape of a field for people: "28x28x1", or "mixed sizes"."""
    return "mixed sizes" if None in field.shape else "x".join(map(str, field.shape))


def fields_after(
    fields: Mapping[str, Field], transforms: Mapping[str, HostTransform]
) -> dict[str, Field]:
    """Return the fields of a data set after the transforms of some of them."""
    return {
        name: transforms[name].field(field) if name in transforms else field
        for name, field in fields.items()
    }
