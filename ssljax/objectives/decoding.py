"""What objectives have in common that make an image of features."""

from ssljax.errors import UserError
from ssljax.models import ImageDecoder
from ssljax.objectives.base import Run
from ssljax.objectives.views import Views


def image_shape(views: Views, run: Run) -> tuple[int, int, int]:
    """Return the (height, width, channels) of the only view."""
    (view,) = views.augmentations(run.inputs).values()
    return view.size, view.size, run.inputs.shape[2]


def image_decoder(
    views: Views, run: Run, *, width: int, doublings: int, norm: bool = False
) -> ImageDecoder:
    """Return the decoder of a vector to an image of the size of the view."""
    shape = image_shape(views, run)
    return ImageDecoder(shape, width=width, doublings=doublings, norm=norm, dtype=run.dtype)


def require_positive(**fields: float) -> None:
    """Raise a UserError unless fields of the objective, given by name, are above 0."""
    for name, value in fields.items():
        if not value > 0:
            raise UserError(f"objective.{name}={value}; it must be above 0")


def require_not_negative(**fields: float) -> None:
    """Raise a UserError unless fields of the objective, given by name, are at least 0."""
    for name, value in fields.items():
        if not value >= 0:
            raise UserError(f"objective.{name}={value}; it must be at least 0")
