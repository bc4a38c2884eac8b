"""Views of several sizes through one network: global ones, which a teacher sees too, and others.

The views of the largest size are the global ones. Views of one size are stacked on an axis of
their own, whatever their augmentation, and go through the network together.
"""

from typing import Any

import jax
import jax.numpy as jnp
from einops import rearrange

from ssljax.errors import UserError
from ssljax.models import Chain
from ssljax.objectives.base import Array, Batch, Inputs, PyTree
from ssljax.objectives.views import Views

_VIEW = dict(
    flip=0.5,
    brightness=0.4,
    contrast=0.4,
    saturation=0.2,
    hue=0.1,
    jitter_prob=0.8,
    grey_prob=0.2,
)


def crops(*, global_scale: tuple, local_scale: tuple, local_size: int, local_count: int) -> Views:
    """Return DINO's views: two global ones of 224 pixels and local ones."""
    large = {**_VIEW, "size": 224, "crop_scale": global_scale}
    small = {**_VIEW, "size": local_size, "count": local_count, "crop_scale": local_scale}
    return Views(
        {
            "global1": {**large, "blur_prob": 1.0},
            "global2": {**large, "blur_prob": 0.1, "solarize_prob": 0.2},
            "local": {**small, "blur_prob": 0.5},
        }
    )


def by_size(views: Views, inputs: Inputs, key: Array, batch: Batch) -> list[Array]:
    """Return the views as one array [B, V, size, size, C] for each size, the largest first."""
    groups: dict[int, list[Array]] = {}
    for crops in views(inputs, key, batch).values():
        groups.setdefault(crops.shape[2], []).append(crops)
    return [jnp.concatenate(same, axis=1) for same in groups.values()]


def count_global(views: Views, inputs: Inputs, *, at_least: int = 2) -> int:
    """Return how many views are of the largest size.

    Raises:
      UserError: there are fewer than `at_least`.
    """
    made = views.augmentations(inputs).values()
    largest = max(view.size for view in made)
    count = sum(view.count for view in made if view.size == largest)
    if count < at_least:
        raise UserError(
            f"{views.where} makes {count} view(s) of the largest size, {largest}; this objective "
            f"needs {at_least}, of which each is compared with the other views"
        )
    return count


def require_prototypes(**counts: int) -> None:
    """Raise a UserError unless fields of the objective, given by name, are at least 2."""
    for name, count in counts.items():
        if count < 2:
            raise UserError(
                f"objective.{name}={count}; it must be at least 2, or all distributions are equal"
            )


def apply_multi_crop(
    network: Chain, params: PyTree, stats: PyTree, groups: list[Array], key: Array | None = None
) -> tuple[Array, PyTree]:
    """Return what a network gives for every view, [B, V, ...], and the new batch statistics.

    The encoder, its first module, takes the views of one size at a time; the heads all together.
    """
    encoder, *heads = network.modules
    features = []
    for number, crops in enumerate(groups):
        encoded, stats = network.apply(
            params,
            stats,
            rearrange(crops, "b v h w c -> (b v) h w c"),
            train=True,
            through=(encoder,),
            key=None if key is None else jax.random.fold_in(key, number),
        )
        features.append(rearrange(encoded.pooled, "(b v) d -> b v d", b=len(crops)))
    features = jnp.concatenate(features, axis=1)
    together = rearrange(features, "b v d -> (b v) d")
    output, stats = network.apply(params, stats, together, train=True, through=heads)
    return rearrange(output, "(b v) ... -> b v ...", b=len(features)), stats


def pairs(teachers: int, students: int) -> list[tuple[int, int]]:
    """Return (teacher's view, student's view) for all that differ; the teacher's come first."""
    return [(t, s) for t in range(teachers) for s in range(students) if t != s]


def without_drop_path(encoder: Any) -> Any:
    """Return the encoder as a teacher runs it: without drop-path."""
    return encoder.clone(drop_path=0.0) if getattr(encoder, "drop_path", 0.0) else encoder
