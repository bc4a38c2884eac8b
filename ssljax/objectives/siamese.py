"""What methods share that put two views of an image through one network."""

from collections.abc import Iterable

import jax

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
