"""What iBOT, DINOv2 and MSN have in common: views with hidden patches, and their prototypes."""

from typing import Any

import jax
from einops import rearrange

from ssljax.errors import UserError
from ssljax.models import apply
from ssljax.objectives.base import Array, Inputs, PyTree
from ssljax.objectives.views import Views


def global_grid(views: Views, inputs: Inputs, patch: int) -> tuple[int, int]:
    """Return the (rows, columns) of patches of the global views.

    Raises:
      UserError: the patches do not tile all views.
    """
    sizes = [view.size for view in views.augmentations(inputs).values()]
    for size in sizes:
        if size % patch:
            raise UserError(
                f"{views.where} has views of {size} pixels, which patches of "
                f"encoder.patch_size={patch} do not tile"
            )
    return sizes[0] // patch, sizes[0] // patch


def require_ratios(lowest: float, highest: float) -> None:
    """Raise a UserError unless 0 < lowest <= highest < 1."""
    if not 0 < lowest <= highest < 1:
        raise UserError(
            f"objective.mask_ratio_min={lowest} and objective.mask_ratio_max={highest}; they must "
            "satisfy 0 < least <= greatest < 1"
        )


def encode(
    encoder: Any,
    params: PyTree,
    views: Array,
    *,
    key: Array | None = None,
    masked: Array | None = None,
    keep: Array | None = None,
) -> tuple[Array, Array]:
    """Return the features [B, V, D] and tokens [B, V, N, D] of views [B, V, h, w, C], in training.

    Args:
      encoder: a vision transformer.
      params: with the components "encoder" and, if patches are hidden, "mask_token".
      views: all of one size.
      key: for drop-path.
      masked: bool[B, V, N], True where a patch is hidden; None hides nothing.
      keep: int32[B, V, K], the patches to encode; None for all.
    """
    patches = {}
    if masked is not None:
        patches["masked"] = rearrange(masked, "b v n -> (b v) n")
        patches["mask_token"] = params["mask_token"]["token"]
    if keep is not None:
        patches["keep"] = rearrange(keep, "b v k -> (b v) k")
    images = rearrange(views, "b v h w c -> (b v) h w c")
    encoded, _ = apply(encoder, params["encoder"], {}, images, train=True, key=key, **patches)
    features = rearrange(encoded.pooled, "(b v) d -> b v d", b=len(views))
    return features, rearrange(encoded.tokens, "(b v) n d -> b v n d", b=len(views))


def logits(head: Any, params: PyTree, x: Array) -> Array:
    """Return the cosines [..., K] of features or tokens [..., D] to the prototypes of a head."""
    return apply(head, params, {}, x, train=True)[0]


def split_keys(key: Array, count: int) -> list[Array]:
    """Return `count` keys."""
    return [jax.random.fold_in(key, number) for number in range(count)]
