"""Views of the examples of a batch: augmented for the loss, or plain; both normalised."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from ssljax.data.host import CropGroup, crop_name
from ssljax.errors import UserError, unknown
from ssljax.modalities import modality_of
from ssljax.objectives.presets import PILLOW, PRESETS, dino
from ssljax.ops.keys import per_example
from ssljax.schema import parse
from ssljax.spec import Batch, Field, Value

Array = jax.Array


@dataclasses.dataclass(frozen=True)
class Views:
    """How views are made: named groups, each of one augmentation and so of one size.

    In a config: `objective.views = {"crop": {"count": 2, "size": 224, "crop_scale": (0.2, 1.0),
    ...}, "small_crop": {"count": 6, "size": 96, ...}}`, with the fields of the views of the data's
    modality: `ssljax.ops.augment.Augmentation`, `SeriesView` or `SCARF` there; or the name of a
    preset, `objective.views = "simclr"`. Presets and defaults are of images; for other modalities
    they stand for as many views of their own (`ssljax.modalities`). Views of images are square
    whatever the images are; those of a group without a size are as large as the shorter side of
    the images, or as long as the series.

    Attributes:
      groups: fields by name, or the name of one of `PRESETS`. Groups come in the order of their
        sizes, largest first, then of their names.
      where: the name of the config section, for error messages.
      given: whether the groups are those of a config, in the fields of the data's own modality.
      name: the name of the field of the data that views are made of; set by `bound`.
      field: what that field is like; set by `bound`.
    """

    groups: Mapping[str, Mapping[str, Any]] | str
    where: str = "objective.views"
    given: bool = False
    name: str = "image"
    field: Field | None = None

    @classmethod
    def from_config(cls, section: Mapping[str, Any] | str, where: str) -> "Views":
        """Return the views of a config section; `where` is its name."""
        if isinstance(section, str):
            if section not in PRESETS:
                raise unknown(f"preset of {where}:", section, PRESETS)
            return cls(section, where)
        if not isinstance(section, Mapping | ConfigDict) or not section:
            raise UserError(
                f"{where}={section or {}!r}; it must be the name of a preset "
                f"({', '.join(PRESETS)}), or have a section for each kind of view, for example "
                f"{where}.crop = {{'count': 2}}"
            )
        for name in section:
            if not isinstance(section[name], Mapping | ConfigDict):
                raise UserError(
                    f"{where}.{name}={section[name]!r}; it must be a section of the fields of a "
                    "view"
                )
        return cls(section, where, given=True)

    @classmethod
    def crops(cls, **fields: Any) -> "Views":
        """Return a single group, "crop", of the given augmentation."""
        return cls({"crop": fields})

    @classmethod
    def dino(
        cls, global_scale: tuple, local_scale: tuple, *, local_count: int, local_size: int = 96
    ) -> "Views":
        """Return DINO's views: two global ones of 224 pixels and local ones."""
        groups = dino(global_scale, local_scale, local_count=local_count, **PILLOW)
        sizes = {"global1": 224, "global2": 224, "local": local_size}
        return cls({name: {**groups[name], "size": sizes[name]} for name in groups})

    @classmethod
    def one_of(cls, preset: str) -> "Views":
        """Return a single view, as a preset of two equal ones makes it."""
        return cls({"crop": {**PRESETS[preset]["crop"], "count": 1}})

    def bound(self, name: str, field: Field) -> "Views":
        """Return views of the data's field of that name."""
        return dataclasses.replace(self, name=name, field=field)

    @property
    def augmentations(self) -> dict[str, Any]:
        """The view of each group, an object of the modality's class, with its size, in order.

        Raises:
          UserError: an unknown field, or a value that the class refuses or that does not fit the
            data.
        """
        modality = modality_of(self.field)
        groups = PRESETS[self.groups] if isinstance(self.groups, str) else self.groups
        if not self.given:
            groups = modality.like(groups, self.field)
        made = {}
        for name, fields in groups.items():
            try:
                fields = modality.complete(fields, self.field)
            except ValueError as error:
                raise UserError(f"{self.where}.{name}: {error}") from error
            made[name] = parse(modality.view, fields, f"{self.where}.{name}")
            if why_not := modality.unsuitable(made[name], self.field):
                raise UserError(f"{self.where}.{name}: {why_not}")
        return dict(sorted(made.items(), key=lambda item: (-item[1].size, item[0])))

    @property
    def size(self) -> int:
        """The side in pixels, or times, of the largest views; 0 where all have one size."""
        return next(iter(self.augmentations.values())).size

    @property
    def count(self) -> int:
        """The number of views of each example."""
        return sum(view.count for view in self.augmentations.values())

    def host_crops(self) -> dict[str, CropGroup]:
        """Return the crops that hosts can make for the views, by the name of their entry.

        Raises:
          UserError: a view is not of a crop of an image.
        """
        modality, made = modality_of(self.field), {}
        for name, view in self.augmentations.items():
            try:
                made[crop_name(self.name, name)] = modality.host_crops(view)
            except UserError as error:
                raise UserError(
                    f"config.data.ship='crops' does not suit {self.where}.{name}: {error}; set "
                    "config.data.ship='square'"
                ) from error
        return made

    def __call__(self, key: Array, batch: Batch) -> dict[str, Array]:
        """Return float32 [B, count, ...] for each group, normalised.

        They are made of the examples in the batch, or of the crops that hosts made
        (`host_crops`), where the batch holds those.

        Draws come from stream 0 of `key`, `jax.random.split(key)[0]`; a loss may use the others.
        """
        keys = per_example(jax.random.fold_in(key, 0), batch["row"])
        modality, views = modality_of(self.field), self.augmentations
        if self.name in batch:
            value = batch[self.name]
        else:
            value = {name: batch[crop_name(self.name, name)] for name in views}
        made = modality.views(views, keys, value, self.field)
        # Under jit a dict comes back in the order of its keys; the order of the groups is ours.
        return {name: made[name] for name in views}

    def masks(self, key: Array, batch: Batch) -> dict[str, Array]:
        """Return int32 [B, count, size, size] for each group: the masks of the views.

        The masks of a batch, its "label", are cropped and mirrored as the views that a call with
        the same key makes of the images.
        """
        keys = per_example(jax.random.fold_in(key, 0), batch["row"])
        made = modality_of(self.field).masks(self.augmentations, keys, batch["label"])
        return {name: made[name] for name in self.augmentations}

    def by_size(self, key: Array, batch: Batch) -> list[Array]:
        """Return the views as one array [B, V, ...] for each size, the largest first."""
        groups: dict[tuple[int, ...], list[Array]] = {}
        for views in self(key, batch).values():
            groups.setdefault(views.shape[2:], []).append(views)
        # Stacked on an axis of their own: joined on the batch axis, sharded examples would move
        # between devices.
        join = functools.partial(jax.tree.map, lambda *views: jnp.concatenate(views, axis=1))
        return [join(*views) for views in groups.values()]

    def stacked(self, key: Array, batch: Batch) -> Array:
        """Return all views, which must be of one size, as one array [B, V, ...]."""
        (views,) = self.by_size(key, batch)
        return views

    def require(self, *, count: int, or_more: bool = False) -> None:
        """Raise a UserError unless there are `count` views, or more if so said, all of one size."""
        sizes = sorted({view.size for view in self.augmentations.values()})
        enough = self.count >= count if or_more else self.count == count
        if not enough or len(sizes) > 1:
            raise UserError(
                f"{self.where} makes {self.count} view(s) of the size(s) {sizes}; this objective "
                f"takes {count}{' or more' if or_more else ''} of one size"
            )


def normalize(value: Array, field: Field) -> Array:
    """Return examples as an encoder takes them, of those in the range that views have before."""
    return modality_of(field).normalize(value, field)


def plain(value: Array | Value, field: Field) -> Array | Value:
    """Return what a batch holds of a field, un-augmented, as an encoder takes it."""
    if isinstance(value, Value):
        return Value(modality_of(field).plain(value.data, field), value.segments)
    return modality_of(field).plain(value, field)


def blank(field: Field, size: int = 0) -> Array | Value:
    """Return two blank normalised examples, from which modules take their shapes."""
    made = modality_of(field).blank(field, size)
    return Value(made, jnp.ones(made.shape[:2], jnp.int32)) if field.ragged else made
