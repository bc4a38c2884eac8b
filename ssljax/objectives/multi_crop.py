"""Views of one or several sizes through one network: its encoder sees one size at a time."""

import jax
import jax.numpy as jnp
from einops import rearrange

from ssljax.errors import UserError
from ssljax.objectives.net import Net
from ssljax.objectives.views import Array, Views


def apply_multi_crop(net: Net, groups: list[Array], *heads: str) -> Array:
    """Run a network on views of several sizes, as multi-crop codes do.

    Args:
      net: with the component "encoder", which takes the views of one size together.
      groups: views [B, V, ...] of each size.
      *heads: components that follow, in order; they take the views of all sizes together.

    Returns:
      [V, B, D], the views in the order of the groups.
    """
    pooled = []
    for views in groups:
        flat = jax.tree.map(lambda x: rearrange(x, "b v ... -> (b v) ..."), views)
        features = net.encoder(flat).pooled
        pooled.append(rearrange(features, "(b v) d -> b v d", b=len(views)))
    output = rearrange(jnp.concatenate(pooled, axis=1), "b v d -> (b v) d")
    for name in heads:
        output = getattr(net, name)(output)
    return rearrange(output, "(b v) ... -> v b ...", b=len(groups[0]))


def count_global(views: Views, *, at_least: int = 2) -> int:
    """Return how many views are of the largest size.

    Raises:
      UserError: there are fewer than `at_least`.
    """
    made = views.augmentations.values()
    count = sum(view.count for view in made if view.size == views.size)
    if count < at_least:
        raise UserError(
            f"{views.where} makes {count} view(s) of the largest size, {views.size}; this "
            f"objective needs {at_least}, of which each is compared with the other views"
        )
    return count


def pairs(teachers: int, students: int) -> list[tuple[int, int]]:
    """Return (teacher's view, student's view) for all that differ; the teacher's come first."""
    return [(t, s) for t in range(teachers) for s in range(students) if t != s]
