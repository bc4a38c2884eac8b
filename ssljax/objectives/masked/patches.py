"""What objectives that hide patches have in common: the grid, and the token that hides them."""

from ssljax.errors import UserError
from ssljax.objectives.base import Array, Run
from ssljax.objectives.views import Views, blank


def require_patches(run: Run, objective: str) -> None:
    """Raise a UserError unless the encoder cuts images into patches."""
    if not hasattr(run.encoder, "patch_size"):
        raise UserError(
            f"{objective} masks patches: config.encoder must be a vision transformer, for example "
            "{'name': 'vit_s'}"
        )


def patch_grid(run: Run, views: Views) -> tuple[int, int]:
    """Return the (rows, columns) of patches of the largest views.

    Raises:
      UserError: the patches do not tile all views.
    """
    patch = run.encoder.patch_size
    for view in views.augmentations.values():
        if view.size % patch:
            raise UserError(
                f"{views.where} has views of {view.size} pixels, which patches of "
                f"encoder.patch_size={patch} do not tile"
            )
    return views.size // patch, views.size // patch


def blank_view(run: Run, views: Views) -> Array:
    """Return two blank views of the largest size, from which modules take their shapes."""
    return blank(run.field, views.size)
