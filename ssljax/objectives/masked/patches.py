"""What objectives that hide patches share: the grid of the views, and what is predicted."""

from collections.abc import Callable
from typing import Any

import jax

from ssljax.errors import UserError
from ssljax.modalities import Reconstruction, modality_of
from ssljax.objectives.base import Array, Run
from ssljax.objectives.views import Views


def require_patches(run: Run, objective: str) -> None:
    """Raise a UserError unless the encoder makes tokens that can be hidden."""
    if not hasattr(run.encoder, "trained_grid"):
        raise UserError(
            f"{objective} masks patches: config.encoder must be a vision transformer, for example "
            "{'name': 'vit_s'}, or a transformer of the data's modality"
        )


def require_mask(draw: Callable[[Array], Any], **values: Any) -> None:
    """Raise a UserError that names values of the config with which no mask can be drawn.

    Args:
      draw: makes the masks of examples of their keys [B].
      **values: that it depends on, by key of the objective.
    """
    try:
        jax.eval_shape(lambda: draw(jax.random.split(jax.random.key(0))))
    except UserError:
        raise
    except ValueError as error:
        given = ", ".join(f"objective.{name}={value!r}" for name, value in values.items())
        raise UserError(f"{given}: {error}") from error


def patch_grid(run: Run, views: Views) -> tuple[int, ...]:
    """Return the patches of the largest views along each axis; of images (rows, columns).

    Raises:
      UserError: the patches do not tile all views.
    """
    modality = modality_of(run.field)
    try:
        sizes = [view.size for view in views.augmentations.values()]
        grids = [modality.grid(run.field, run.encoder, size) for size in sizes]
    except UserError as error:
        raise UserError(f"{views.where}: {error}") from error
    return grids[0]


def reconstruction(run: Run, *, normalize: bool = False) -> Reconstruction:
    """Return the target of masked prediction of the data; `normalize`: each patch by itself."""
    return modality_of(run.field).reconstruction(run.field, run.encoder, normalize)
