"""What a data set looks like to the rest of the code, and how one is opened."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from ssljax.data.decoder import Decoder
from ssljax.spec import Field

MEMORY_LIMIT = 2**30  # bytes up to which a set is decoded once and kept as arrays


class Source(Protocol):
    """A data set with random access. Being unlabelled is normal; labels are for evaluation."""

    name: str  # "kind:rest", as the user gave it
    split: str
    fields: Mapping[str, Field]  # as read: None for a side that differs; "label" if there are any
    num_classes: int | None
    class_names: tuple[str, ...] | None
    in_memory: bool  # whether `gather` is there
    report: str | None  # what the user should know of this set, for example the files left out

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Return {field: array}, such as {"image": uint8[h, w, c], "label": int}."""
        ...

    def fingerprint(self) -> dict[str, Any]:
        """Return a small JSON-able dict that changes when the data set does."""
        ...


@dataclasses.dataclass(frozen=True)
class Options:
    """How to open a source; the same for every kind, each uses what concerns it.

    Attributes:
      name: what the user gave, for messages and the fingerprint.
      split: "train", "test" or another name the set has.
      broken: what to do about image files that cannot be decoded: "refuse" or "skip".
      decoder: of image files. Arrays and prepared sets keep their channels and bits.
      data_dir: where prepared sets live; see `data_directory`.
      memory_limit: bytes up to which a set is decoded once and kept as arrays.
      ragged: whether series of different lengths say where they end.
      span: frames that videos need; shorter ones count as broken.
    """

    name: str
    split: str
    broken: str = "refuse"
    decoder: Decoder = Decoder()
    data_dir: str | None = None
    memory_limit: int = MEMORY_LIMIT
    ragged: bool = False
    span: int = 0


def groups_of(source: Source) -> np.ndarray | None:
    """Return [n], who or what each example is of, such as a person or a maker; None: nobody said.

    A source says so by an attribute `groups`, numbers or strings. Nothing is trained on them but by
    `ByGroup`, and the fingerprint does not depend on them.
    """
    groups = getattr(source, "groups", None)
    return None if groups is None else np.asarray(groups)


def fingerprint_of(source: Source, content: str) -> dict[str, Any]:
    """Return the fingerprint of a source whose content hashes to `content`."""
    return {"spec": source.name, "split": source.split, "count": len(source), "content": content}
