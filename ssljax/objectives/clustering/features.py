"""What methods of prototypes share: unit features of views of all sizes."""

from collections.abc import Mapping

from ssljax.errors import UserError
from ssljax.objectives.multi_crop import apply_multi_crop
from ssljax.objectives.net import Net
from ssljax.objectives.views import Array, Views
from ssljax.ops.normalize import l2_normalize


def unit_features(net: Net, groups: Mapping[str, Array]) -> Array:
    """Return the projections of views as unit vectors [V, B, D].

    The encoder takes the views of one group together, the projector those of all.
    """
    return l2_normalize(apply_multi_crop(net, list(groups.values()), "projector"))


def require_views(views: Views, count: int, objective: str) -> None:
    """Raise a UserError unless there are at least `count` views."""
    if views.count < count:
        raise UserError(f"{views.where} makes {views.count} view(s); {objective} needs {count}")
