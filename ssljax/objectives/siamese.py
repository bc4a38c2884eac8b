"""What methods share that put two views of an image through one network."""

from collections.abc import Iterable, Mapping

import jax
import jax.numpy as jnp
from einops import rearrange

from ssljax.models import Chain
from ssljax.objectives.base import Array, PyTree
from ssljax.objectives.views import Views

_VIEW = dict(
    crop_scale=(0.08, 1.0),
    flip=0.5,
    brightness=0.4,
    contrast=0.4,
    saturation=0.2,
    hue=0.1,
    jitter_prob=0.8,
    grey_prob=0.2,
)

# BYOL's, which Barlow Twins, VICReg and TiCo took over: the two views differ in blur and solarize.
ASYMMETRIC = Views(
    {
        "view1": {**_VIEW, "blur_prob": 1.0},
        "view2": {**_VIEW, "blur_prob": 0.1, "solarize_prob": 0.2},
    }
)

# SimCLR's: the two views are alike.
SYMMETRIC = Views.crops(
    count=2,
    crop_scale=(0.08, 1.0),
    flip=0.5,
    brightness=0.8,
    contrast=0.8,
    saturation=0.8,
    hue=0.2,
    jitter_prob=0.8,
    grey_prob=0.2,
    blur_prob=0.5,
)

# MoCo v2's, which SimSiam took over: alike too, and milder.
MODERATE = Views.crops(
    count=2,
    crop_scale=(0.2, 1.0),
    flip=0.5,
    brightness=0.4,
    contrast=0.4,
    saturation=0.4,
    hue=0.1,
    jitter_prob=0.8,
    grey_prob=0.2,
    blur_prob=0.5,
)


def each_view(
    network: Chain,
    params: PyTree,
    stats: PyTree,
    views: Array,
    key: Array,
    through: Iterable[str] | None = None,
) -> tuple[list, PyTree]:
    """Run a network on views [B, V, h, w, c] one after the other, as the official codes do.

    Each view so has batch statistics of its own. Returns the V outputs, and the statistics to keep.
    """
    outputs = []
    for view, model_key in enumerate(jax.random.split(key, views.shape[1])):
        output, stats = network.apply(
            params, stats, views[:, view], train=True, through=through, key=model_key
        )
        outputs.append(output)
    return outputs, stats


def all_views(
    network: Chain, params: PyTree, stats: PyTree, groups: Mapping[str, Array], key: Array
) -> tuple[Array, PyTree]:
    """Run a network on views of several sizes, as multi-crop codes do.

    Its encoder takes the views of one size [B, V, h, w, c] together, and what follows it the views
    of all sizes. Returns the outputs [V, B, D] in the order of the groups, and the statistics.
    """
    keys = jax.random.split(key, 1 + len(groups))
    pooled = []
    for crops, model_key in zip(groups.values(), keys[1:], strict=True):
        flat = rearrange(crops, "b v h w c -> (b v) h w c")
        encoded, stats = network.apply(
            params, stats, flat, train=True, through=("encoder",), key=model_key
        )
        pooled.append(rearrange(encoded.pooled, "(b v) d -> b v d", b=len(crops)))
    views = jnp.concatenate(pooled, axis=1)
    head = [name for name in network.order if name != "encoder"]
    flat = rearrange(views, "b v d -> (b v) d")
    output, stats = network.apply(params, stats, flat, train=True, through=head, key=keys[0])
    return rearrange(output, "(b v) d -> v b d", b=len(views)), stats
