"""What brings one field of an example to a fixed shape before it is shipped to a device."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from ssljax.spec import Field, Value


class HostTransform(Protocol):
    """One step from an example as read to an example as shipped; small, frozen, picklable.

    Attributes:
      random: whether a call draws at random; if not, its generator may be None.
    """

    random: bool

    def field(self, field: Field) -> Field:
        """Return what the field is like afterwards."""

    def __call__(self, value: Any, rng: np.random.Generator | None) -> np.ndarray | Value:
        """Return the transformed value of one example; a `Value` where the field is ragged."""

    def fingerprint(self) -> dict[str, Any]:
        """Return what the result depends on, JSON-able."""


def sides(field: Field) -> str:
    """Return the shape of a field for people: "28x28x1", "mixed sizes", "mixed lengths"."""
    if None in field.shape:
        return "mixed sizes" if field.modality == "image" else "mixed lengths"
    return "x".join(map(str, field.shape))


def stack(examples: Sequence[np.ndarray | Value]) -> np.ndarray | Value:
    """Return the batch of the values that a field has in some examples."""
    if isinstance(examples[0], Value):
        data = np.stack([example.data for example in examples])
        return Value(data, np.stack([example.segments for example in examples]))
    return np.stack(examples)


def fields_after(
    fields: Mapping[str, Field], transforms: Mapping[str, HostTransform]
) -> dict[str, Field]:
    """Return the fields of a data set after the transforms of some of them."""
    return {
        name: transforms[name].field(field) if name in transforms else field
        for name, field in fields.items()
    }
