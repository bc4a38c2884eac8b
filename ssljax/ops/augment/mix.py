"""Mixup and CutMix: an example and its label become those of two examples."""

import dataclasses

import jax
import jax.numpy as jnp


@dataclasses.dataclass(frozen=True)
class Mixing:
    """How the examples of a batch are mixed, drawn once for the whole batch.

    Example i is mixed with example B - 1 - i, so that what is drawn depends on neither the number
    of devices nor their order. With lambda ~ Beta(a, a):

    mixup:  x'_i = lambda x_i + (1 - lambda) x_{B-1-i}
    CutMix: a box of (1 - lambda) of the area, its centre uniform, cut at the border, is that of
            x_{B-1-i}; lambda becomes the part that is left.

    and labels become y'_i = lambda y_i + (1 - lambda) y_{B-1-i}.

    Attributes:
      mixup: a of mixup; 0: none.
      cutmix: a of CutMix; 0: none.
      prob: probability of mixing a batch at all.
      switch_prob: probability of CutMix, where both are on.

    Zhang et al. 2017, arXiv:1710.09412; Yun et al. 2019, arXiv:1905.04899; as
    huggingface/pytorch-image-models, timm/data/mixup.py (mode "batch", correct_lam), whose box has
    floor(sqrt(1 - lambda) side) pixels a side. On other grids than that of an image, with n axes,
    it has floor((1 - lambda)^(1/n) side) cells along each.
    """

    mixup: float = 0.0
    cutmix: float = 0.0
    prob: float = 1.0
    switch_prob: float = 0.5

    def __bool__(self) -> bool:
        return self.mixup > 0 or self.cutmix > 0

    def draw(self, key: jax.Array, grid: tuple[int, ...]) -> tuple[jax.Array, jax.Array]:
        """Return (weights, lambda) of a batch whose examples are [*grid, channels].

        Args:
          key: of the batch.
          grid: sides of an example, without its channels; CutMix needs one or more.

        Returns:
          float32[*grid], the weight of an example's own value at each place, and float32 [], that
          of its own label.

        Raises:
          ValueError: CutMix of examples without a grid.
        """
        if self.cutmix and not grid:
            raise ValueError("cutmix cuts boxes, and these examples have no grid; set it to 0")
        on, which, alpha, place = jax.random.split(key, 4)
        cut = self._cuts(which)
        shape = jnp.where(cut, self.cutmix or 1.0, self.mixup or 1.0)
        share = jax.random.beta(alpha, shape, shape)
        share = jnp.where(jax.random.uniform(on) < self.prob, share, 1.0)
        if not self.cutmix:
            return jnp.broadcast_to(share, grid), share
        inside = _box(place, grid, share)
        left = 1 - jnp.mean(inside, dtype=jnp.float32)
        weights = jnp.where(cut, 1 - inside.astype(jnp.float32), share)
        return weights, jnp.where(cut, left, share)

    def _cuts(self, key: jax.Array) -> jax.Array | bool:
        if self.mixup and self.cutmix:
            return jax.random.uniform(key) < self.switch_prob
        return bool(self.cutmix)


def _box(key: jax.Array, grid: tuple[int, ...], share: jax.Array) -> jax.Array:
    """Return bool[*grid], the places in a box of 1 - `share` of the grid about a random centre."""
    ratio = (1 - share) ** (1 / len(grid))
    inside = jnp.ones(grid, bool)
    for axis, (one, side) in enumerate(zip(jax.random.split(key, len(grid)), grid, strict=True)):
        half = jnp.floor(side * ratio).astype(jnp.int32) // 2
        centre = jax.random.randint(one, (), 0, side)
        places = jnp.arange(side)
        within = (places >= centre - half) & (places < centre + half)
        inside &= within.reshape([-1 if i == axis else 1 for i in range(len(grid))])
    return inside


def mixed(values: jax.Array, weights: jax.Array | float) -> jax.Array:
    """Return w x_i + (1 - w) x_{B-1-i} of values[B, ...].

    Args:
      values: examples [B, *grid, C], or labels [B, K].
      weights: float[*grid] of `Mixing.draw`, or its lambda.
    """
    weights = jnp.asarray(weights, jnp.float32)
    weights = weights.reshape(weights.shape + (1,) * (values.ndim - 1 - weights.ndim))
    return weights * values + (1 - weights) * values[::-1]
