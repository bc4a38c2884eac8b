"""Views of series: windows, resampled, scaled, shuffled, noisy, with times left out."""

import dataclasses
import zlib
from collections.abc import Mapping

import jax
import jax.numpy as jnp

_STREAMS = ("window", "segments", "scale", "jitter", "mask")  # of a view's key


@dataclasses.dataclass(frozen=True)
class SeriesView:
    """The random operations that make one kind of view of a series, in the order of the fields.

    Everything is off unless set. Values are to be normalised before: `scale` and `jitter` are in
    units of a channel's standard deviation, and what is masked becomes 0, the mean.

    Attributes:
      size: times of the view.
      crop_scale: least and greatest share of the series for a random window, which is resampled
        linearly to `size` times; None takes a window of `size` times as it is.
      segments: the view is cut at random places into 1 to so many segments, in random order; 1
        leaves the order alone.
      scale: standard deviation of the factor of each channel, around 1.
      jitter: standard deviation of the Gaussian noise of each value.
      mask: probability of each time to be masked in all channels.
      count: how many such views of each series.

    Raises:
      ValueError: a field is outside its range; the message gives field, value and range.

    Reference: Um et al. 2017, https://arxiv.org/abs/1706.00527 (jitter, scaling, permutation);
    TS-TCC, https://arxiv.org/abs/2106.14112; emadeldeen24/TS-TCC, dataloader/augmentations.py,
    which scales every time anew; TS2Vec, https://arxiv.org/abs/2106.10466 (mask).
    """

    size: int
    crop_scale: tuple[float, float] | None = None
    segments: int = 1
    scale: float = 0.0
    jitter: float = 0.0
    mask: float = 0.0
    count: int = 1

    def __post_init__(self):
        for name in ("size", "segments", "count"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)!r} must be at least 1")
        for name in ("scale", "jitter"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name}={getattr(self, name)!r} must be at least 0")
        if not 0 <= self.mask <= 1:
            raise ValueError(f"mask={self.mask!r} must be from 0 to 1")
        if self.crop_scale is not None:
            low, high = self.crop_scale
            if not 0 < low <= high <= 1:
                raise ValueError(
                    f"crop_scale={self.crop_scale!r} must satisfy 0 < least <= greatest <= 1"
                )

    def apply(self, key: jax.Array, series: jax.Array) -> jax.Array:
        """Return one view of one series.

        Args:
          key: a random key. To switch one operation on leaves the draws of the others as they were.
          series: float32[T, C], normalised.

        Returns:
          float32[size, C].

        Raises:
          ValueError: the series is shorter than the view and `crop_scale` is None.
        """
        keys = dict(zip(_STREAMS, jax.random.split(key, len(_STREAMS)), strict=True))
        if self.crop_scale is not None:
            series = resized_window(keys["window"], series, self.size, self.crop_scale)
        elif self.size != len(series):
            series = window(keys["window"], series, self.size)
        if self.segments > 1:
            series = permute_segments(keys["segments"], series, self.segments)
        if self.scale:
            drawn = jax.random.normal(keys["scale"], series.shape[1:])
            series = series * (1 + self.scale * drawn)
        if self.jitter:
            series = series + self.jitter * jax.random.normal(keys["jitter"], series.shape)
        if self.mask:
            seen = jax.random.bernoulli(keys["mask"], 1 - self.mask, (len(series), 1))
            series = jnp.where(seen, series, 0)
        return series


def multi_window(
    views: Mapping[str, SeriesView], keys: jax.Array, series: jax.Array
) -> dict[str, jax.Array]:
    """Make every view of every series of a batch.

    Args:
      views: any number of kinds of view, by name.
      keys: one random key per example, [B]. The draws of a kind of view depend on its name and the
        example's key alone.
      series: float32[B, T, C], normalised.

    Returns:
      {name: float32[B, count, size, C]}.

    Raises:
      ValueError: keys and series differ in number, or a series is too short for a view.

    >>> views = {"global": SeriesView(size=8, jitter=0.1, count=2)}
    >>> keys = jax.random.split(jax.random.key(0), 3)
    >>> multi_window(views, keys, jnp.zeros((3, 10, 2)))["global"].shape
    (3, 2, 8, 2)
    """
    if len(keys) != len(series):
        raise ValueError(f"got {len(keys)} keys for {len(series)} series; one key each")

    def make(key, one):
        made = {}
        for name, view in views.items():
            own = jax.random.fold_in(key, zlib.crc32(name.encode()))
            made[name] = jax.vmap(view.apply, in_axes=(0, None))(
                jax.random.split(own, view.count), one
            )
        return made

    return jax.vmap(make)(keys, series)


def window(key: jax.Array, series: jax.Array, length: int) -> jax.Array:
    """Return `length` consecutive times of series[T, C], every start equally likely.

    Raises:
      ValueError: T is less than the length.

    >>> print(window(jax.random.key(0), jnp.arange(4.0)[:, None], 4)[:, 0])
    [0. 1. 2. 3.]
    """
    if length > len(series):
        raise ValueError(f"a window of {length} times does not fit into series of {len(series)}")
    start = jax.random.randint(key, (), 0, len(series) - length + 1)
    return jax.lax.dynamic_slice_in_dim(series, start, length)


def resized_window(
    key: jax.Array, series: jax.Array, length: int, scale: tuple[float, float]
) -> jax.Array:
    """Return a random window of a share U(scale) of series[T, C], resampled to `length` times.

    The window covers s (T - 1) of the T - 1 steps, its start is uniform, and values between two
    times are linear. With a scale of (1, 1) and the length T it is the series.

    >>> whole = resized_window(jax.random.key(0), jnp.arange(5.0)[:, None], 3, (1.0, 1.0))
    >>> print(whole[:, 0])
    [0. 2. 4.]
    """
    share, place = jax.random.uniform(key, (2,))
    steps = (scale[0] + (scale[1] - scale[0]) * share) * (len(series) - 1)
    start = place * (len(series) - 1 - steps)
    at = start + steps * jnp.linspace(0.0, 1.0, length)
    before = jnp.clip(jnp.floor(at).astype(jnp.int32), 0, max(len(series) - 2, 0))
    after = jnp.minimum(before + 1, len(series) - 1)
    part = (at - before)[:, None]
    return (1 - part) * series[before] + part * series[after]


def permute_segments(key: jax.Array, series: jax.Array, most: int) -> jax.Array:
    """Cut series[T, C] at random places and put the segments in random order.

    The number of segments is uniform from 1 to `most`; each cut is at a random time, and a segment
    may be empty.

    >>> x = jnp.arange(6.0)[:, None]
    >>> sorted(permute_segments(jax.random.key(0), x, 3)[:, 0].tolist())
    [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    """
    count_key, cut_key, order_key = jax.random.split(key, 3)
    times = jnp.arange(len(series))
    count = jax.random.randint(count_key, (), 1, most + 1)
    cuts = jax.random.randint(cut_key, (most - 1,), 1, max(len(series), 2))
    used = jnp.arange(most - 1) < count - 1
    segment = jnp.sum(used[:, None] & (cuts[:, None] <= times), axis=0)
    rank = jax.random.permutation(order_key, most)
    return series[jnp.lexsort((times, rank[segment]))]
