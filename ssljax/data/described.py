"""A data set without its data."""

import dataclasses
from collections.abc import Mapping

from ssljax.spec import LABEL, Field

STRINGS = Field("text", (None,), "str")  # texts before a tokenizer has read them


@dataclasses.dataclass(frozen=True)
class Described:
    """A data set without its data: as much of a `Source` as its spec takes.

    Attributes:
      name: for messages, "kind:rest" where it has one.
      fields: as read, see `Source`.
      num_examples: of the training split.
    """

    name: str
    fields: Mapping[str, Field]
    num_examples: int

    def __len__(self) -> int:
        return self.num_examples


def described(name: str, field: Field, num_examples: int, classes: int = 0) -> Described:
    """Return a data set of one field, which is called as its modality is, and labels.

    Args:
      classes: their number; 0 where it is not known.
    """
    label = LABEL.replace(classes=classes)
    return Described(name, {field.modality: field, "label": label}, num_examples)
