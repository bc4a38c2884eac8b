"""Views of the images of a batch: augmented for the loss, plain for evaluation; both normalised."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp

from ssljax.errors import UserError
from ssljax.models import apply
from ssljax.objectives.base import Array, Batch, Inputs, PyTree, Run
from ssljax.objectives.construct import construct
from ssljax.ops.augment import Augmentation, multi_crop
from ssljax.ops.keys import per_example


@dataclasses.dataclass(frozen=True)
class Views:
    """How views are made: named groups, each of one augmentation and so of one size.

    In a config: `objective.views = {"global_crop": {"size": 224, "count": 2, ...}, "local_crop": {"size": 96, "count": 6}}`,
    the fields being those of `ssljax.ops.augment.Augmentation`.
    """

    groups: Mapping[str, Augmentation]

    @classmethod
    def from_config(cls, config: Mapping[str, Any], where: str) -> "Views":
        """Return the views of a config section; `where` is its name, for error messages."""
        if not config:
            raise UserError(f"{where} has no view; name at least one, for example {where}.crop = {{'count': 2}}")
        return cls({name: construct(Augmentation, config[name], f"{where}.{name}") for name in config})

    @classmethod
    def crops(cls, **fields: Any) -> "Views":
        """Return a single group, "crop", of the given augmentation."""
        return cls({"crop": Augmentation(**fields)})

    def __call__(self, inputs: Inputs, key: Array, batch: Batch) -> dict[str, Array]:
        """Return float32 [B, count, size, size, C] for each group, normalised by the mean and std of `inputs`."""
        crops = multi_crop(self.groups, per_example(key, batch["position"]), batch["image"])
        return {name: normalize(crop, inputs) for name, crop in crops.items()}

    def stacked(self, inputs: Inputs, key: Array, batch: Batch) -> Array:
        """Return all views as one array [B, V, size, size, C], in the order of the groups; their sizes are equal."""
        # Stacked on an axis of its own: joined on the batch axis, sharded examples would move between devices.
        return jnp.concatenate(list(self(inputs, key, batch).values()), axis=1)

    def require_count(self, count: int, objective: str) -> None:
        """Raise a UserError unless there are `count` views, all of one size."""
        total = sum(view.count for view in self.groups.values())
        sizes = {view.size for view in self.groups.values()}
        if total != count or len(sizes) > 1:
            raise UserError(
                f"{objective} takes exactly {count} view(s) of one size; objective.views has {total} "
                f"of the sizes {sorted(sizes)}"
            )


def normalize(images: Array, inputs: Inputs) -> Array:
    """Return (images - mean) / std by channel; images are float, in [0, 1]."""
    return (images - jnp.asarray(inputs.mean)) / jnp.asarray(inputs.std)


def plain(batch: Batch, inputs: Inputs) -> Array:
    """Return the images of a batch as they are, float32 and normalised."""
    return normalize(batch["image"].astype(jnp.float32) / 255, inputs)


def embed(run: Run, params: PyTree, stats: PyTree, batch: Batch) -> Array:
    """Return the encoder's features [B, D] of the un-augmented images."""
    images = plain(batch, run.inputs)
    return apply(run.encoder, params, stats, images, train=False)[0].pooled


def example(inputs: Inputs) -> Array:
    """Return a batch of two blank normalised images, from which modules take their shapes."""
    return jnp.zeros((2, *inputs.shape), jnp.float32)
