"""What objectives that hide patches have in common: the grid, and the token that hides them."""

import jax
import jax.numpy as jnp

from ssljax.errors import UserError
from ssljax.objectives.base import Array, Run
from ssljax.objectives.views import Views


def require_patches(run: Run, objective: str) -> None:
    """Raise a UserError unless the encoder cuts images into patches."""
    if not hasattr(run.encoder, "patch_size"):
        raise UserError(
            f"{objective} masks patches: config.encoder must be a vision transformer, for example "
            "{'name': 'vit_s'}"
        )


def image_size(run: Run, views: Views) -> int:
    """Return the side in pixels of the views, of which there is one group."""
    (view,) = views.augmentations(run.inputs).values()
    return view.size


def patch_grid(run: Run, views: Views) -> tuple[int, int]:
    """Return the (rows, columns) of patches of a view.

    Raises:
      UserError: the patches do not tile it.
    """
    size, patch = image_size(run, views), run.encoder.patch_size
    if size % patch:
        raise UserError(
            f"{views.where} has views of {size} pixels, which patches of "
            f"encoder.patch_size={patch} do not tile"
        )
    return size // patch, size // patch


def blank(run: Run, views: Views) -> Array:
    """Return two blank views, from which modules take their shapes."""
    size = image_size(run, views)
    return jnp.zeros((2, size, size, run.inputs.shape[2]))


def mask_token(key: Array, width: int) -> dict[str, Array]:
    """Return the component "mask_token" of BEiT and SimMIM: normal, cut off at one sigma, 0.02."""
    return {"token": 0.02 * jax.random.truncated_normal(key, -1, 1, (width,))}
