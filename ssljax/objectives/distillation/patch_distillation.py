"""What iBOT, DINOv2 and MSN have in common: several views through one network, patches hidden."""

from collections.abc import Callable

from einops import rearrange

from ssljax.errors import UserError
from ssljax.objectives.base import Array
from ssljax.objectives.net import Net


def require_ratios(lowest: float, highest: float, patches: int) -> None:
    """Raise a UserError unless 0 < lowest <= highest < 1, and the highest hides a patch."""
    if not 0 < lowest <= highest < 1:
        raise UserError(
            f"objective.mask_ratio_min={lowest} and objective.mask_ratio_max={highest}; they must "
            "satisfy 0 < least <= greatest < 1"
        )
    if highest * patches < 1:
        raise UserError(
            f"objective.mask_ratio_max={highest} hides none of the {patches} patches of a view; it "
            f"must be at least {1 / patches:.3g}"
        )


def encode(
    net: Net, views: Array, *, masked: Array | None = None, keep: Array | None = None
) -> tuple[Array, Array]:
    """Return the features [B, V, D] and tokens [B, V, N, D] of views [B, V, ...].

    Args:
      net: with the component "encoder" and, if patches are hidden, "mask_token".
      views: all of one size.
      masked: bool[B, V, N], True where a patch is hidden; None hides nothing.
      keep: int32[B, V, K], the patches to encode; None for all.
    """
    patches = {}
    if masked is not None:
        patches["masked"] = rearrange(masked, "b v n -> (b v) n")
        patches["mask_token"] = net.mask_token()
    if keep is not None:
        patches["keep"] = rearrange(keep, "b v k -> (b v) k")
    encoded = net.encoder(rearrange(views, "b v ... -> (b v) ..."), **patches)
    features = rearrange(encoded.pooled, "(b v) d -> b v d", b=len(views))
    return features, rearrange(encoded.tokens, "(b v) n d -> b v n d", b=len(views))


def per_view(head: Callable[[Array], Array], features: Array) -> Array:
    """Return what a head makes of features [B, V, D], as one batch of B V vectors."""
    output = head(rearrange(features, "b v d -> (b v) d"))
    return rearrange(output, "(b v) d -> b v d", b=len(features))
