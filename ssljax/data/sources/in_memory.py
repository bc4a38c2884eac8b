"""A data set held as arrays: images, series, tables, anything of fixed shapes."""

import concurrent.futures
import copy
import functools
import hashlib
from collections.abc import Container, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from ssljax.data.host import HostTransform, fields_after, stack
from ssljax.data.sources.base import Options, fingerprint_of
from ssljax.data.sources.targets import as_targets, kind_of_arrays, target_field
from ssljax.errors import UserError
from ssljax.spec import PRESENCE, Field, presence_of


class ArraySource:
    """Examples in memory; `gather` takes a whole batch at once.

    Attributes:
      arrays: [n, ...] by field.
    """

    in_memory = True

    def __init__(
        self,
        fields: Mapping[str, Field],
        arrays: Mapping[str, np.ndarray],
        options: Options,
        *,
        class_names: Sequence[str] | None = None,
        num_classes: int | None = None,
        kind: str = "",
        names: Sequence[str] | None = None,
        groups: np.ndarray | None = None,
        content: str | None = None,
        report: str | None = None,
    ):
        """Hold one array [n, *field.shape] for each field, and perhaps labels.

        Args:
          fields: by name; "label" is added where `arrays` has it.
          arrays: by name of the field, with "label" where there are labels, of a form that
            `ssljax.data.sources.targets` knows.
          options: how the set was opened.
          class_names: by label.
          num_classes: where labels are classes without names.
          kind: of the labels; "": as their array tells.
          names: of the examples, such as those of files.
          groups: numbers or strings [n], see `groups_of`.
          content: a hash of the arrays; without it, their bytes are hashed when it is asked for.
          report: see `Source`.

        Raises:
          UserError: labels that are no targets, such as classes that are no numbers from 0;
            arrays that differ in length.
          ValueError: an array has another shape or dtype than its field.
        """
        arrays = dict(arrays)
        num_classes = len(class_names) if class_names is not None else num_classes
        if arrays.get("label") is None:
            arrays.pop("label", None)
        else:  # a cast would wrap round
            labels, what = np.asarray(arrays["label"]), f"the labels of {options.name}"
            arrays["label"] = as_targets(labels, kind or kind_of_arrays([labels], what), what)
            fields = {**fields, "label": target_field(arrays["label"], num_classes)}
            if kind == "tokens":  # no example has one class
                num_classes = None
        for name, field in fields.items():
            if not _is_of(arrays[name], field):
                raise ValueError(
                    f"{name!r} is {arrays[name].dtype}{list(arrays[name].shape)}, its field "
                    f"{field.dtype}[n, {', '.join(map(str, field.shape))}]"
                )
        lengths = {name: len(array) for name, array in arrays.items()}
        if groups is not None:
            lengths["group"] = len(groups)
        if len(set(lengths.values())) > 1:
            raise UserError(f"the arrays of {options.name} differ in length: {lengths}")
        self.fields, self.arrays = dict(fields), arrays
        self.name, self.split, self.report = options.name, options.split, report
        self.memory_limit = options.memory_limit
        self.class_names = tuple(class_names) if class_names is not None else None
        self.num_classes = num_classes
        self.names, self.groups, self._content = names, groups, content

    @property
    def presence(self) -> dict[str, np.ndarray]:
        """Which examples have a field, by the entry that says so."""
        said = (name for name, field in self.fields.items() if field == PRESENCE)
        return {name: self.arrays[name] for name in said}

    def __len__(self) -> int:
        return len(next(iter(self.arrays.values())))

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {name: array[index] for name, array in self.arrays.items()}

    def gather(self, indices: np.ndarray) -> dict[str, np.ndarray]:
        """Return {field: [b, ...]} of some examples."""
        return {name: array[indices] for name, array in self.arrays.items()}

    def only(self, names: Container[str]) -> "ArraySource":
        """Return the same examples with these fields alone; the fingerprint is that of all."""
        other = copy.copy(self)
        other._content = self.fingerprint()["content"]
        other.fields = {name: field for name, field in self.fields.items() if name in names}
        other.arrays = {name: self.arrays[name] for name in other.fields}
        return other

    def taken(self, chosen: np.ndarray) -> "ArraySource":
        """Return the examples of these numbers, int[n], numbered anew from 0."""
        other = copy.copy(self)
        chosen = np.asarray(chosen, np.int64)
        digest = hashlib.sha256(chosen).hexdigest()
        other._content = f"{self.fingerprint()['content']}, chosen {digest}"
        other.arrays = jax.tree.map(lambda array: array[chosen], self.arrays)
        if self.names is not None:
            other.names = [self.names[number] for number in chosen]
        if self.groups is not None:
            other.groups = np.asarray(self.groups)[chosen]
        return other

    def replaced(
        self, fields: Mapping[str, Field], arrays: Mapping[str, np.ndarray], how: str
    ) -> "ArraySource":
        """Return the same examples with other arrays; `how` they came about joins the content."""
        other = copy.copy(self)
        other.fields, other.arrays = dict(fields), dict(arrays)
        other._content = f"{self.fingerprint()['content']}, {how}"
        return other

    def transformed(self, transforms: Mapping[str, HostTransform]) -> "ArraySource":
        """Return the same examples, transformed once, in memory."""
        other = copy.copy(self)
        other.fields, other.arrays = fields_after(self.fields, transforms), dict(self.arrays)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            for name, transform in transforms.items():
                apply = functools.partial(transform, rng=None)
                other.arrays[name] = stack(list(pool.map(apply, self.arrays[name])))
        done = [value for t in transforms.values() for value in t.fingerprint().values()]
        other._content = " at ".join([self.fingerprint()["content"], *map(str, done)])
        return other

    @functools.cached_property
    def _hash(self) -> str:
        digest = hashlib.sha256()
        names = sorted(set(self.arrays) - {"label"})
        for name in names:
            field = self.fields[name]
            if (name, field.dtype) != ("image", "uint8"):
                digest.update(f"{name} {field.dtype}".encode())
            digest.update(repr(field.shape).encode())
            for array in jax.tree.leaves(self.arrays[name]):
                if array.dtype == object:
                    for value in array:
                        digest.update(bytes_of(value))
                else:
                    digest.update(np.ascontiguousarray(array))
        if "label" in self.arrays:
            if self.arrays["label"].ndim > 1:
                digest.update(repr(self.fields["label"].shape).encode())
            digest.update(np.ascontiguousarray(self.arrays["label"]))
        return digest.hexdigest()

    def fingerprint(self) -> dict[str, Any]:
        return fingerprint_of(self, self._content or self._hash)


def _is_of(array: np.ndarray, field: Field) -> bool:
    """Say whether an array [n, ...] holds examples of a field; a text as `str` is one scalar."""
    if field.modality in ("text", "audio") and array.dtype == object:  # of any lengths
        return array.ndim == 1
    if field.dtype == "str":
        return array.ndim == 1 and array.dtype.kind == "U"
    sides = array.shape[1:]
    fits = len(sides) == len(field.shape) and all(
        wanted in (None, side) for side, wanted in zip(sides, field.shape, strict=True)
    )
    return fits and array.dtype == field.dtype


def bytes_of(value: Any) -> bytes:
    """Return what the fingerprint has of a text, a wave, or several of either."""
    if isinstance(value, np.ndarray):
        return f"{len(value)}".encode() + value.tobytes()
    if isinstance(value, tuple) and any(isinstance(one, np.ndarray) for one in value):
        return f"{len(value)}:".encode() + b"".join(map(bytes_of, value))
    return repr(value).encode("utf-8", "surrogatepass") + b"\0"


def image_source(
    pixels: np.ndarray,
    labels: np.ndarray | None,
    options: Options,
    *,
    beside: Mapping[str, tuple[Field, np.ndarray]] = {},
    present: Mapping[str, np.ndarray] | None = None,
    **about: Any,
) -> ArraySource:
    """Return a source of images [n, h, w, c], with labels int[n] or None; `about` as it takes.

    `beside` has fields that belong to the images, such as "text", and the array of each; `present`
    says by field which examples have it.
    """
    fields = {"image": Field("image", tuple(pixels.shape[1:]), str(pixels.dtype))}
    arrays = {"image": pixels, "label": labels}
    for name, (field, array) in beside.items():
        fields[name], arrays[name] = field, array
    for name, one in (present or {}).items():
        fields[presence_of(name)], arrays[presence_of(name)] = PRESENCE, one
    return ArraySource(fields, arrays, options, **about)
