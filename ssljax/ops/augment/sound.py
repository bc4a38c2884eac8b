"""Views of sounds: windows, shifted, louder or softer, mixed, noisy; spectrograms with holes."""

import dataclasses
import zlib
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp

from ssljax.ops.spectrogram import as_wave

_STREAMS = ("window", "shift", "gain", "mix", "noise", "resize", "bands", "frames")
_CANVAS = 1.5  # times of the frames, of which a resized crop may take a part (BYOL-A)


@dataclasses.dataclass(frozen=True)
class SoundView:
    """The random operations that make one kind of view of a sound, in the order of the fields.

    Everything is off unless set. The first ones are of the wave, those from `resize` on of the
    spectrogram, which is standardised before: what is masked becomes 0, the mean of a band.

    Attributes:
      size: samples of the view; of a longer sound, a window that starts anywhere.
      shift: greatest part of the view by which it moves to either side; silence follows.
      gain: greatest change of the volume to either side, in dB.
      mix: greatest share of another sound of the batch in the power of the view: with the share u
        uniform up to it, sqrt(1 - u) x + sqrt(u) y, where x and y are of the same power (BYOL-A,
        which mixes powers of bands with sounds of earlier batches).
      noise: least and greatest ratio of the view's power to that of white noise, in dB.
      resize: least and greatest part of the frames, and of the bands, that the view shows, resized
        (linear) to the shape before; parts above 1 show silence around it (BYOL-A: (0.6, 1.5)).
      bands: greatest number of neighbouring bands that are masked (SpecAugment's F).
      band_masks: how many times bands are masked.
      frames: greatest number of neighbouring frames that are masked (SpecAugment's T).
      frame_masks: how many times frames are masked.
      count: how many such views of each sound.

    Raises:
      ValueError: a field is outside its range; the message gives field, value and range.

    Reference: SpecAugment, https://arxiv.org/abs/1904.08779; BYOL-A,
    https://arxiv.org/abs/2103.06695; nttcslab/byol-a, byol_a/augmentations.py; COLA,
    https://arxiv.org/abs/2010.10915 (windows of one clip).
    """

    size: int
    shift: float = 0.0
    gain: float = 0.0
    mix: float = 0.0
    noise: tuple[float, float] | None = None
    resize: tuple[float, float] | None = None
    bands: int = 0
    band_masks: int = 1
    frames: int = 0
    frame_masks: int = 1
    count: int = 1

    def __post_init__(self):
        for name in ("size", "count", "band_masks", "frame_masks"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)!r} must be at least 1")
        for name in ("gain", "bands", "frames"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name}={getattr(self, name)!r} must be at least 0")
        for name in ("shift", "mix"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)!r} must be at least 0 and below 1")
        if self.noise is not None and not self.noise[0] <= self.noise[1]:
            raise ValueError(f"noise={self.noise!r} must satisfy least <= greatest")
        if self.resize is not None and not 0 < self.resize[0] <= self.resize[1] <= _CANVAS:
            raise ValueError(
                f"resize={self.resize!r} must satisfy 0 < least <= greatest <= {_CANVAS}"
            )

    @property
    def of_spectrogram(self) -> tuple[str, ...]:
        """The names of the operations in use that need a spectrogram."""
        return tuple(name for name in ("resize", "bands", "frames") if getattr(self, name))

    def wave(self, keys: Mapping[str, jax.Array], own: jax.Array, waves: jax.Array) -> jax.Array:
        """Return the wave of one view, float32[size].

        Args:
          keys: by name of the operation.
          own: float32[S] or int16, the sound.
          waves: [B, S], all of the batch, one of which is mixed in: only then do devices need those
            of others.
        """
        x = as_wave(own)
        if self.size != len(x):
            start = jax.random.randint(keys["window"], (), 0, len(x) - self.size + 1)
            x = jax.lax.dynamic_slice_in_dim(x, start, self.size)
        if self.shift:
            x = shifted(keys["shift"], x, self.shift)
        if self.gain:
            change = jax.random.uniform(keys["gain"], (), minval=-self.gain, maxval=self.gain)
            x = x * 10 ** (change / 20)
        if self.mix:
            chosen, where, share = jax.random.split(keys["mix"], 3)
            y = as_wave(waves[jax.random.randint(chosen, (), 0, len(waves))])
            start = jax.random.randint(where, (), 0, len(y) - self.size + 1)
            y = jax.lax.dynamic_slice_in_dim(y, start, self.size)
            part = jax.random.uniform(share, (), maxval=self.mix)
            x = mixed_waves(x, y, part)
        if self.noise is not None:
            x = noisy(keys["noise"], x, *self.noise)
        return x

    def spectrogram(self, keys: Mapping[str, jax.Array], x: jax.Array) -> jax.Array:
        """Return one view of a standardised spectrogram [T, F]."""
        if self.resize is not None:
            x = resized_crop(keys["resize"], x, self.resize)
        for name, width, times, axis in (
            ("frames", self.frames, self.frame_masks, 0),
            ("bands", self.bands, self.band_masks, 1),
        ):
            for key in jax.random.split(keys[name], times) if width else ():
                x = masked_stripe(key, x, width, axis)
        return x


def multi_sound(
    views: Mapping[str, SoundView],
    keys: jax.Array,
    waves: jax.Array,
    shown: Callable[[jax.Array], jax.Array],
) -> dict[str, jax.Array]:
    """Make every view of every sound of a batch.

    Args:
      views: any number of kinds of view, by name.
      keys: one random key per example, [B]. The draws of a kind of view depend on its name and the
        example's key alone.
      waves: float32[B, S] in [-1, 1], or int16.
      shown: makes of waves [B, size] what encoders take, normalised.

    Returns:
      {name: float32[B, count, ...]}.

    Raises:
      ValueError: keys and waves differ in number, or a view is longer than the sounds.
    """
    if len(keys) != len(waves):
        raise ValueError(f"got {len(keys)} keys for {len(waves)} sounds; one key each")
    waves, made = jnp.asarray(waves), {}
    for name, view in views.items():
        if view.size > waves.shape[1]:
            raise ValueError(f"a view of {view.size} samples is longer than {waves.shape[1]}")

        def draw(key: jax.Array, view: SoundView = view, name: str = name) -> dict[str, jax.Array]:
            own = jax.random.split(jax.random.fold_in(key, zlib.crc32(name.encode())), view.count)
            split = jax.vmap(lambda one: jax.random.split(one, len(_STREAMS)))(own)
            return {stream: split[:, i] for i, stream in enumerate(_STREAMS)}

        drawn = jax.vmap(draw)(keys)  # [B, count] keys of each operation
        over_views = jax.vmap(view.wave, in_axes=(0, None, None))
        cut = jax.vmap(over_views, in_axes=(0, 0, None))(drawn, waves, waves)
        x = shown(cut.reshape(-1, view.size)).reshape(*cut.shape[:2], *_shape(shown, view.size))
        made[name] = jax.vmap(jax.vmap(view.spectrogram))(drawn, x) if x.ndim == 4 else x
    return made


def _shape(shown: Callable[[jax.Array], jax.Array], size: int) -> tuple[int, ...]:
    return jax.eval_shape(shown, jax.ShapeDtypeStruct((1, size), jnp.float32)).shape[1:]


def shifted(key: jax.Array, x: jax.Array, most: float) -> jax.Array:
    """Move a wave [S] by up to so much of its length to either side; zeros follow."""
    bound = int(most * len(x))
    by = jax.random.randint(key, (), -bound, bound + 1)
    at = jnp.arange(len(x)) - by
    return jnp.where((at >= 0) & (at < len(x)), jnp.roll(x, by), 0)


def mixed_waves(x: jax.Array, y: jax.Array, share: jax.Array) -> jax.Array:
    """Return sqrt(1 - share) x + sqrt(share) y', of the wave y scaled to the power of x.

    A silent y adds nothing; of a silent x nothing is left.

    >>> print(mixed_waves(jnp.array([1.0, -1.0]), jnp.array([2.0, 2.0]), 0.5).round(4))
    [1.4142 0.    ]
    """
    power_x, power_y = jnp.mean(x**2), jnp.mean(y**2)
    scale = jnp.sqrt(power_x / jnp.maximum(power_y, 1e-12))
    return jnp.sqrt(1 - share) * x + jnp.sqrt(share) * jnp.where(power_y > 1e-12, scale, 0) * y


def noisy(key: jax.Array, x: jax.Array, low: float, high: float) -> jax.Array:
    """Add white noise to a wave [S], at a ratio of powers that is uniform in dB."""
    ratio_key, noise_key = jax.random.split(key)
    ratio = jax.random.uniform(ratio_key, (), minval=low, maxval=high)
    level = jnp.sqrt(jnp.mean(x**2)) * 10 ** (-ratio / 20)
    return x + level * jax.random.normal(noise_key, x.shape)


def masked_stripe(key: jax.Array, x: jax.Array, most: int, axis: int) -> jax.Array:
    """Set 0 to `most` neighbouring rows (axis 0) or columns (1) of [T, F] to 0.

    The number is uniform, and so is the first of them, as in SpecAugment.
    """
    count, place = jax.random.split(key)
    side = x.shape[axis]
    width = jax.random.randint(count, (), 0, min(most, side) + 1)
    first = jnp.floor(jax.random.uniform(place) * (side - width + 1)).astype(jnp.int32)
    at = jnp.arange(side)
    hidden = (at >= first) & (at < first + width)
    return jnp.where(jnp.expand_dims(hidden, 1 - axis), 0, x)


def resized_crop(key: jax.Array, x: jax.Array, scale: tuple[float, float]) -> jax.Array:
    """Return a random box of [T, F], resized linearly to its shape (BYOL-A).

    The sides of the box are uniform parts of the frames and of the bands. It lies anywhere on a
    canvas of 1.5 T frames and F bands, in whose middle the spectrogram stands among zeros; a box
    has at most all bands.
    """
    low, high = scale
    parts = jax.random.uniform(key, (4,))
    sides = []
    for axis, canvas in ((0, _CANVAS), (1, 1.0)):
        side = x.shape[axis]
        most = min(high, canvas)
        length = side * (low + (most - low) * parts[2 * axis]) if most > low else side * most
        start = parts[2 * axis + 1] * (canvas * side - length) - (canvas - 1) / 2 * side
        at = start + (jnp.arange(side) + 0.5) * length / side - 0.5
        before = jnp.floor(at)
        sides.append((before.astype(jnp.int32), at - before))
    for axis, (before, part) in enumerate(sides):
        x = _between(x, before, part, axis)
    return x


def _between(x: jax.Array, before: jax.Array, part: jax.Array, axis: int) -> jax.Array:
    """Return x along an axis at before + part, linearly; 0 beyond its frames, its edge bands."""
    side = x.shape[axis]
    shape = (-1, 1) if axis == 0 else (1, -1)

    def take(at: jax.Array) -> jax.Array:
        inside = ((at >= 0) & (at < side)) if axis == 0 else jnp.ones_like(at, bool)
        return jnp.where(inside.reshape(shape), jnp.take(x, jnp.clip(at, 0, side - 1), axis), 0)

    part = part.reshape(shape)
    return (1 - part) * take(before) + part * take(before + 1)
