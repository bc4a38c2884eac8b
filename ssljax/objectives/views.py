"""Views of the images of a batch: augmented for the loss, plain for evaluation; both normalised."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from ml_collections import ConfigDict

from ssljax.errors import UserError
from ssljax.models import apply
from ssljax.objectives.base import Array, Batch, Inputs, PyTree, Run
from ssljax.objectives.construct import construct
from ssljax.ops.augment import Augmentation, multi_crop
from ssljax.ops.keys import per_example
from ssljax.ops.pixels import unit_range


@dataclasses.dataclass(frozen=True)
class Views:
    """How views are made: named groups, each of one augmentation and so of one size.

    In a config: `objective.views = {"crop": {"count": 2, "size": 224, "crop_scale": (0.2, 1.0),
    ...}, "small_crop": {"count": 6, "size": 96, ...}}`, with the fields of
    `ssljax.ops.augment.Augmentation`. Views are square whatever the images are; those of a group
    without a size are as large as the shorter side of the images.

    Attributes:
      groups: fields by name. Groups come in the order of their sizes, largest first, then of their
        names.
      where: the name of the config section, for error messages.
    """

    groups: Mapping[str, Mapping[str, Any]]
    where: str = "objective.views"

    @classmethod
    def from_config(cls, section: Mapping[str, Any], where: str) -> "Views":
        """Return the views of a config section; `where` is its name."""
        if not section:
            raise UserError(
                f"{where} is empty; it needs a view, for example {where}.crop = {{'count': 2}}"
            )
        for name in section:
            if not isinstance(section[name], Mapping | ConfigDict):
                raise UserError(
                    f"{where}.{name}={section[name]!r}; it must be a section of the fields of a "
                    "view"
                )
        return cls(section, where)

    @classmethod
    def crops(cls, **fields: Any) -> "Views":
        """Return a single group, "crop", of the given augmentation."""
        return cls({"crop": fields})

    def augmentations(self, inputs: Inputs) -> dict[str, Augmentation]:
        """Return the augmentation of each group, with its size filled in.

        Raises:
          UserError: an unknown field, or a value that `Augmentation` refuses.
        """
        made = {}
        for name, fields in self.groups.items():
            size = {"size": fields.get("size", 0) or min(inputs.shape[:2])}
            made[name] = construct(Augmentation, {**fields, **size}, f"{self.where}.{name}")
        return dict(sorted(made.items(), key=lambda item: (-item[1].size, item[0])))

    def __call__(self, inputs: Inputs, key: Array, batch: Batch) -> dict[str, Array]:
        """Return float32 [B, count, size, size, C] for each group, normalised."""
        keys = per_example(key, batch["row"])
        crops = multi_crop(self.augmentations(inputs), keys, batch["image"])
        # Under jit a dict comes back in the order of its keys; the order of the groups is ours.
        return {name: normalize(crops[name], inputs) for name in self.augmentations(inputs)}

    def stacked(self, inputs: Inputs, key: Array, batch: Batch) -> Array:
        """Return all views, which must be of one size, as one array [B, V, size, size, C]."""
        # Stacked on an axis of its own: joined on the batch axis, sharded examples would move
        # between devices.
        return jnp.concatenate(list(self(inputs, key, batch).values()), axis=1)

    def require(self, inputs: Inputs, *, count: int) -> None:
        """Raise a UserError unless there are `count` views, all of one size."""
        views = self.augmentations(inputs).values()
        total, sizes = sum(view.count for view in views), sorted({view.size for view in views})
        if total != count or len(sizes) > 1:
            raise UserError(
                f"{self.where} makes {total} view(s) of the size(s) {sizes}; this objective takes "
                f"{count} of one size"
            )


def normalize(images: Array, inputs: Inputs) -> Array:
    """Return (images - mean) / std by channel; images are float, in [0, 1]."""
    return (images - jnp.asarray(inputs.mean)) / jnp.asarray(inputs.std)


def plain(batch: Batch, inputs: Inputs) -> Array:
    """Return the images of a batch as they are, float32 and normalised.

    They may be uint8 or floats in [0, 1]; see `ssljax.ops.pixels.unit_range`.
    """
    return normalize(unit_range(batch["image"]), inputs)


def embed(run: Run, params: PyTree, stats: PyTree, batch: Batch) -> Array:
    """Return the encoder's features [B, D] of the un-augmented images."""
    images = plain(batch, run.inputs)
    return apply(run.encoder, params, stats, images, train=False)[0].pooled


def example(inputs: Inputs) -> Array:
    """Return a batch of two blank normalised images, from which modules take their shapes."""
    return jnp.zeros((2, *inputs.shape), jnp.float32)
