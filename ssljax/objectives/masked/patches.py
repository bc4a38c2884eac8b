"""What objectives that hide patches have in common: the grid, and the token that hides them."""

from ssljax.errors import UserError
from ssljax.modalities import modality_of
from ssljax.objectives.base import Array, Run
from ssljax.objectives.views import Views, blank


def require_patches(run: Run, objective: str) -> None:
    """Raise a UserError unless the encoder cuts images into patches."""
    if not hasattr(run.encoder, "patch_size"):
        raise UserError(
            f"{objective} masks patches: config.encoder must be a vision transformer, for example "
            "{'name': 'vit_s'}"
        )


def patch_grid(run: Run, views: Views) -> tuple[int, ...]:
    """Return the grid of tokens of the largest views: (rows, columns) of images, (places,) else.

    Raises:
      UserError: the patches do not tile all views.
    """
    grids = []
    for view in views.augmentations.values():
        try:
            grids.append(modality_of(run.field).grid(run.field, run.encoder, view.size))
        except UserError as error:
            raise UserError(f"{views.where}: {error}") from error
    return grids[0]


def blank_view(run: Run, views: Views) -> Array:
    """Return two blank views of the largest size, from which modules take their shapes."""
    return blank(run.field, views.size)
