"""The interface of a modality: what objectives and evaluation ask of a field of the data."""

import abc
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol

import jax
import jax.numpy as jnp

from ssljax.data.host import CropGroup
from ssljax.errors import UserError
from ssljax.spec import Field

Array = jax.Array
# Degrades what a batch holds of a field: (keys [B], value, strength from 1 to 5, bank) -> value, of
# the same form. `bank` is what a batch of the training set holds; a corruption may draw from it.
Corruption = Callable[[Array, Any, Array | int, Any], Any]
Groups = Mapping[str, Mapping[str, Any]]  # the fields of each kind of view, by name
_GEOMETRY = {"count", "size", "crop_scale", "crop_ratio", "flip", "interpolation"}
SMALL = 0.5  # of an image: a view that is at most so much of it is a local one


class Reconstruction(Protocol):
    """The target of masked prediction.

    Attributes:
      out: values that a decoder gives for each token.
    """

    out: int

    def target(self, x: Array) -> Array:
        """Return the targets of normalised examples: of patches [B, N, out], of columns [B, N]."""

    def loss(self, prediction: Array, x: Array, where: Array) -> Array:
        """Return the loss [B] of predictions [B, N, out] of the tokens in `where`, bool[B, N]."""


class Modality(abc.ABC):
    """A kind of data.

    Class attributes:
      view: the class of one kind of view; a config sets its fields. It has the attributes `size`
        (views of one size are encoded together) and `count`.
      encoder: the name of an encoder that a run takes where the config names none.
      restores: whether `restore` gives back examples as the data have them.
    """

    view: ClassVar[type]
    encoder: ClassVar[str]
    restores: ClassVar[bool] = True

    @abc.abstractmethod
    def like(self, groups: Groups, field: Field) -> Groups:
        """Return this modality's counterpart of views of images, as presets and defaults are.

        There are as many in all; one of a small part of an image stays one of a small part.
        """

    @abc.abstractmethod
    def complete(self, fields: Mapping[str, Any], field: Field) -> dict[str, Any]:
        """Return the fields of a view with its size filled in from the data, where it has none.

        Raises:
          ValueError: a field does not fit the data.
        """

    def unsuitable(self, view: Any, field: Field) -> str:
        """Return why a kind of view does not suit the field; "" if it does."""
        return ""

    def host_crops(self, view: Any) -> CropGroup:
        """Return the crops for a kind of view that a host can make of the whole example.

        Raises:
          UserError: it can make none.
        """
        raise UserError("hosts can crop only images")

    @abc.abstractmethod
    def views(
        self,
        views: Mapping[str, Any],
        keys: Array,
        value: Array | Mapping[str, Array],
        field: Field,
    ) -> dict[str, Array]:
        """Return every view of every example, normalised.

        Args:
          views: of class `view`, by name.
          keys: one random key per example, [B].
          value: what a batch holds of the field, [B, ...], of the whole global batch; of views
            that hosts have cropped (`host_crops`), {name: [B, count, ...]}. A `Value` where
            examples differ in length.
          field: what it is like.

        Returns:
          {name: float32[B, count, ...]}, each a `Value` if `value` is one.
        """

    def masks(self, views: Mapping[str, Any], keys: Array, masks: Array) -> dict[str, Array]:
        """Return the masks, int32[B, count, ...], of the views that `views` makes with these keys.

        Args:
          views, keys: as of `views`.
          masks: int32[B, ...], a class for each pixel.

        Raises:
          UserError: examples of this modality have none.
        """
        raise UserError("only images have masks")

    @abc.abstractmethod
    def normalize(self, value: Array, field: Field) -> Array:
        """Return examples in the range that views have before, as an encoder takes them."""

    def restore(self, value: Array, field: Field) -> Array:
        """Return examples in the units of the data: the inverse of `normalize`."""
        return value * jnp.asarray(field.std) + jnp.asarray(field.mean)

    @abc.abstractmethod
    def plain(self, value: Array, field: Field) -> Array:
        """Return what a batch holds (of a `Value` the data), un-augmented, for an encoder."""

    def parts(self, value: Array) -> int:
        """Return of how many parts [B, parts, ...] a batch holds each example, such as clips.

        Outputs of an example are the mean of those of its parts, see `ssljax.objectives.whole`.
        """
        return 1

    def shape(self, field: Field, size: int = 0) -> tuple[int, ...]:
        """Return the shape of one example as an encoder takes it; of a view, if it has a size."""
        return field.shape

    def blank(self, field: Field, size: int = 0) -> Array:
        """Return two blank normalised examples or views, from which modules take their shapes."""
        return jnp.zeros((2, *self.shape(field, size)), jnp.float32)

    def grid(self, field: Field, encoder: Any, size: int = 0) -> tuple[int, ...]:
        """Return how many tokens an encoder makes of an example or a view, along each axis.

        Raises:
          UserError: its patches do not tile the example.
        """
        return encoder.grid(self.shape(field, size))

    @abc.abstractmethod
    def reconstruction(self, field: Field, encoder: Any, normalize: bool) -> Reconstruction:
        """Return the target of masked prediction; `normalize`: each patch by itself."""

    def corruptions(self, field: Field) -> dict[str, Corruption]:
        """Return what degrades examples, by name, to test what features withstand."""
        return {}

    @abc.abstractmethod
    def raw(self, value: Array, field: Field) -> Array:
        """Return features [B, D] that need no network: the baseline of evaluation."""


def is_local(fields: Mapping[str, Any]) -> bool:
    """Return whether a kind of view of images is of small parts of them."""
    return fields.get("crop_scale", (1.0, 1.0))[1] < SMALL


def weak_of(groups: Groups) -> set[str]:
    """Return the views of images that are only cropped and mirrored, where others are not.

    Of views that are all alike none is weak.
    """
    weak = {name for name, fields in groups.items() if set(fields) <= _GEOMETRY}
    return weak if len(weak) < len(groups) else set()
