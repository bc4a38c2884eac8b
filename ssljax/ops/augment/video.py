"""Views of clips: those of images, with one draw for all frames of a clip."""

import dataclasses
import functools
import zlib
from collections.abc import Mapping

import jax
import jax.numpy as jnp

from ssljax.ops.augment.render import Choices, render
from ssljax.ops.augment.view import Augmentation
from ssljax.ops.pixels import unit_range


@dataclasses.dataclass(frozen=True)
class VideoView(Augmentation):
    """The random operations that make one kind of view of a clip; all frames have the same draws.

    Attributes:
      reverse: probability that the frames come in reverse order.
      The others are those of `Augmentation`.
    """

    reverse: float = 0.0

    def __post_init__(self):
        super().__post_init__()
        self._check_share("reverse")

    def draw(self, key: jax.Array, shape: tuple[int, ...]) -> Choices:
        """Return what is drawn for a view of a clip [T, *shape], for `render` of each frame."""
        chosen = super().draw(key, shape)
        if self.reverse > 0:
            drawn = jax.random.uniform(jax.random.fold_in(key, zlib.crc32(b"reverse")))
            chosen["reverse"] = drawn < self.reverse
        return chosen


def multi_clip(
    views: Mapping[str, VideoView], keys: jax.Array, clips: jax.Array
) -> dict[str, jax.Array]:
    """Make every view of every example of a batch; view i is of clip i.

    Args:
      views: any number of kinds of view, by name, each with its own size and count. The views of an
        example are counted through all kinds in order.
      keys: one random key per example, [B]. The draws of a kind of view depend on its name and the
        example's key alone, not on what other kinds there are.
      clips: [B, N, T, H, W, C], uint8 or floats in [0, 1]. With N = 1 all views are of one clip;
        else N divides the number of views, and view i is of clip i modulo N.

    Returns:
      {name: float32[B, count, T, size, size, C]} with values in [0, 1].

    Raises:
      ValueError: N does not divide the number of views.
    """
    available, total = clips.shape[1], sum(view.count for view in views.values())
    if total % available:
        raise ValueError(f"{available} clips cannot be shared equally by {total} views")

    def make(key, clips):
        made, first = {}, 0
        for name, view in views.items():
            own = jax.random.fold_in(key, zlib.crc32(name.encode()))
            chosen = jax.vmap(functools.partial(view.draw, shape=clips.shape[2:]))(
                jax.random.split(own, view.count)
            )
            which = (first + jnp.arange(view.count)) % available
            made[name] = jax.vmap(functools.partial(_rendered, view))(clips[which], chosen)
            first += view.count
        return made

    return jax.vmap(make)(keys, clips)


def _rendered(view: VideoView, clip: jax.Array, chosen: Choices) -> jax.Array:
    """Return the view [T, size, size, C] of a clip."""
    backwards = chosen.pop("reverse", None)
    frames = jax.vmap(lambda frame: render(unit_range(frame), chosen, view.style))(clip)
    return frames if backwards is None else jnp.where(backwards, frames[::-1], frames)
