"""Image files, decoded when they are read."""

import copy
import functools
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ssljax.data.sources.base import Options, fingerprint_of
from ssljax.errors import UserError, printable
from ssljax.spec import LABEL, PRESENCE, Field, presence_of


class EncodedSource:
    """Images of any sizes, decoded when they are read; `decoded` has those decoded already.

    Worker processes need a picklable `read`.
    """

    in_memory = False

    def __init__(
        self,
        names: Sequence[str],
        read: Callable[[int], bytes],
        labels: np.ndarray | None,
        options: Options,
        *,
        content: str,
        decoded: Sequence[np.ndarray] | None = None,
        image_shape: tuple[int, int, int] | None = None,
        class_names: Sequence[str] | None = None,
        groups: np.ndarray | None = None,
        num_classes: int | None = None,
        report: str | None = None,
        beside: Mapping[str, tuple[Field, np.ndarray]] = {},
        present: Mapping[str, np.ndarray] | None = None,
    ):
        self.names, self._read, self._labels, self._decoded = names, read, labels, decoded
        self._decode, self._content = options.decoder, content
        self._skip = options.broken == "skip"
        self.name, self.split, self.report = options.name, options.split, report
        self.groups = groups
        shape = image_shape or (None, None, options.decoder.channels)
        self.fields = {"image": Field("image", shape, options.decoder.dtype)}
        self.class_names = tuple(class_names) if class_names is not None else None
        self.num_classes = len(class_names) if class_names is not None else num_classes
        self.fields |= {name: field for name, (field, _) in beside.items()}
        self._beside = {name: array for name, (_, array) in beside.items()}
        self.presence = {presence_of(name): one for name, one in (present or {}).items()}
        self.fields |= dict.fromkeys(self.presence, PRESENCE)
        if labels is not None:
            self.fields["label"] = LABEL.replace(classes=self.num_classes or 0)

    @property
    def labels(self) -> np.ndarray | None:
        """The class of every example, without decoding any; None without labels."""
        return self._labels

    @property
    def texts(self) -> np.ndarray | None:
        """The texts of all examples; None without texts."""
        return self._beside.get("text")

    def with_texts(self, field: Field, texts: np.ndarray, how: str) -> "EncodedSource":
        """Return the same images with other texts; `how` they came about joins the content."""
        other = copy.copy(self)
        other.fields = {**self.fields, "text": field}
        other._beside = {**self._beside, "text": texts}
        other._content = f"{self._content}, {how}"
        return other

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_decoded": None}  # worker processes are there to decode

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self._readable(index, self._example)

    def reduced(self, index: int, enough: int) -> tuple[np.ndarray, int]:
        """Return an image as `images.decode` reduces it, and the number of all its pixels."""
        return self._readable(index, functools.partial(self._reduced, enough=enough))

    def cropped(
        self, index: int, make: Callable[[Callable[[int], np.ndarray], tuple[int, int]], Any]
    ) -> tuple[Any, dict[str, Any]]:
        """Return what `make` makes of an image, and the rest of the example.

        Args:
          index: of the example.
          make: is given a function that decodes the image, shrunk by a whole number at most, and
            the (height, width) of the original.
        """

        def attempt(at: int) -> tuple[Any, dict[str, Any]]:
            rest = self._rest(at)
            if self._decoded is not None:
                image = self._decoded[at]
                return make(lambda shrink: image, image.shape[:2]), rest
            data = self._read(at)

            def decode(shrink: int) -> np.ndarray:
                return self._decode(data, shrink=shrink)

            return make(decode, self._decode.size(data)), rest

        return self._readable(index, attempt)

    def _example(self, index: int) -> dict[str, Any]:
        if self._decoded is not None:
            example: dict[str, Any] = {"image": self._decoded[index]}
        else:
            example = {"image": self._decode(self._read(index))}
        return example | self._rest(index)

    def _rest(self, index: int) -> dict[str, Any]:
        """Return what an example has beside its image."""
        rest: dict[str, Any] = {name: one[index] for name, one in self.presence.items()}
        rest |= {name: array[index] for name, array in self._beside.items()}
        if self._labels is not None:
            rest["label"] = int(self._labels[index])
        return rest

    def _reduced(self, index: int, enough: int) -> tuple[np.ndarray, int]:
        if self._decoded is not None:
            image = self._decoded[index]
            return image, image.shape[0] * image.shape[1]
        data = self._read(index)
        image = self._decode(data, enough=enough)
        return image, math.prod(self._decode.size(data))

    def _readable(self, index: int, make: Callable[[int], Any]) -> Any:
        try:
            return make(index)
        except OSError as error:
            return self._instead_of(index, error, make)

    def _instead_of(self, index: int, error: OSError, make: Callable[[int], Any]) -> Any:
        # Opening a set checks the ends of the files; damage in the middle shows only now. Batch k
        # must stay the same on every visit, so the stand-in is fixed: the next one that can be
        # read.
        message = f"cannot decode {printable(self.names[index])} ({error})"
        if not self._skip:
            raise UserError(f"{message}; mend or remove it, or set broken='skip'") from error
        warnings.warn(f"{message}; its place is taken by the next image", stacklevel=2)
        for other in range(index + 1, min(index + 100, len(self) + index)):
            try:
                return make(other % len(self))
            except OSError:
                continue
        raise UserError(f"{message}, nor any of those that follow it") from error

    def fingerprint(self) -> dict[str, Any]:
        return fingerprint_of(self, self._content)
