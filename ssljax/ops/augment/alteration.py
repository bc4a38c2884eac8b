"""Spectrograms with altered times, bands and magnitudes, and where they are (TERA)."""

import dataclasses
import functools

import jax
import jax.numpy as jnp

ZEROED, REPLACED = 0.8, 0.1  # shares of sounds whose chosen times become 0, or other times
_NOISE = 0.2  # standard deviation


@dataclasses.dataclass(frozen=True)
class Alteration:
    """What is altered of a standardised spectrogram.

    Attributes:
      ratio: part of the frames that are chosen, but for overlaps, in spans; 0: none.
      span: frames of a span.
      bands: greatest part of the bands that are masked, next to each other; 0: none.
      noise: share of sounds to which noise is added.

    Liu, Li and Lee 2021, https://arxiv.org/abs/2007.06028; s3prl/s3prl,
    s3prl/pretrain/mockingjay/task.py (generate_masked_acoustic_model_data).
    """

    ratio: float
    span: int
    bands: float
    noise: float

    def spans(self, frames: int) -> int:
        """Return the number of spans of so many frames."""
        return round(frames * self.ratio / self.span)

    def __call__(self, keys: jax.Array, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Alter spectrograms.

        Of each sound `spans` spans of times are chosen, which may overlap but do not start at the
        same time. They all become 0 (in 80 of 100 sounds), or spans of the same sound from
        elsewhere (10), or stay (10). Then a block of bands becomes 0, whose number is uniform from
        0, then noise is added to all cells.

        Args:
          keys: one for each sound, [B].
          x: float[B, T, F].

        Returns:
          The spectrograms, and bool[B, T, F], the cells of chosen times and bands, those that stay
          included.

        Raises:
          ValueError: a span is longer than the sounds.
        """
        frames, count = x.shape[1], self.spans(x.shape[1])
        if count and self.span > frames:
            raise ValueError(f"a span of {self.span} frames is longer than {frames} frames")
        return jax.vmap(functools.partial(self._one, count=count))(keys, x)

    def _one(self, key, x, *, count):
        keys = jax.random.split(key, 6)
        times = jnp.zeros(len(x), bool)
        if count:
            starts = _starts(keys[0], len(x), self.span, count)
            others = _starts(keys[1], len(x), self.span, count)
            at = jnp.arange(len(x))
            inside = (at >= starts[:, None]) & (at < starts[:, None] + self.span)
            times = inside.any(axis=0)
            which = jnp.argmax(inside, axis=0)
            moved = x[jnp.where(times, others[which] + at - starts[which], at)]
            chance = jax.random.uniform(keys[2])
            shown = jnp.where(chance < ZEROED + REPLACED, moved, x)
            x = jnp.where((chance < ZEROED) & times[:, None], 0, shown)
        most = int(self.bands * x.shape[1])
        width = jax.random.randint(keys[3], (), 0, most + 1)
        first = jax.random.randint(keys[4], (), 0, x.shape[1] - width + 1)
        at = jnp.arange(x.shape[1])
        bands = (at >= first) & (at < first + width)
        x = jnp.where(bands, 0, x)
        if self.noise:
            hit, noise = jax.random.split(keys[5])
            added = _NOISE * jax.random.normal(noise, x.shape)
            x = x + jnp.where(jax.random.uniform(hit) < self.noise, added, 0)
        return x, times[:, None] | bands


def _starts(key, frames, span, count):
    places = frames - span + 1
    order = jax.random.permutation(key, places)
    return jnp.resize(order, count)  # the same ones again where there are fewer
