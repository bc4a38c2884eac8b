"""Videos [T, H, W, C] to clips of one length."""

import dataclasses
from typing import Any

import numpy as np

from ssljax.errors import UserError
from ssljax.spec import Field


@dataclasses.dataclass(frozen=True)
class Sampling:
    """How the frames of a clip lie in its video, and how many clips are taken of one.

    Attributes:
      stride: a clip has every so many-th frame.
      count: clips of each video.
    """

    stride: int = 1
    count: int = 1

    def span(self, length: int) -> int:
        """Return from the first to the last frame of a clip of `length`, how many there are.

        >>> Sampling(stride=2).span(8)
        15
        """
        return (length - 1) * self.stride + 1


ONE_CLIP = Sampling()


@dataclasses.dataclass(frozen=True)
class Clips:
    """Clips of `length` frames each, [length, H, W, C]; several, [count, length, H, W, C].

    Attributes:
      length: in frames.
      sampling: their stride and number.
      random: whether each clip starts anywhere, independently of the others, or clips are spread
        evenly: one in the middle; of two or more the first at the start and the last at the end.

    The distance of the starts of two independent clips has the density 2/m (1 - t/m) for t up to
    the last start m: this is the linearly decreasing distribution that CVRL draws intervals from
    (Qian et al. 2021, arXiv:2008.03800, section 3.1), with which it does best.
    """

    length: int
    sampling: Sampling = ONE_CLIP
    random: bool = False

    def field(self, field: Field) -> Field:
        count, stride = self.sampling.count, self.sampling.stride
        if field.shape[0] is not None:
            self._spare(field.shape[0])
        several = (count,) if count > 1 else ()
        shape = (*several, self.length, *field.shape[1:])
        return field.replace(shape=shape, rate=field.rate / stride)

    def __call__(self, value: np.ndarray, rng: np.random.Generator | None) -> np.ndarray:
        spare, count = self._spare(len(value)), self.sampling.count
        if self.random:
            starts = rng.integers(spare + 1, size=count)
        elif count == 1:
            starts = np.array([spare // 2])
        else:
            starts = np.round(np.linspace(0, spare, count)).astype(int)
        offsets = self.sampling.stride * np.arange(self.length)
        clips = np.stack([value[start + offsets] for start in starts])
        return clips if count > 1 else clips[0]

    def _spare(self, frames: int) -> int:
        span = self.sampling.span(self.length)
        if frames < span:
            raise UserError(
                f"a video has {frames} frames, and a clip of {self.length} frames, each "
                f"{self.sampling.stride} after the other, spans {span}; set config.data.length and "
                "config.data.stride so that it fits"
            )
        return frames - span

    def fingerprint(self) -> dict[str, Any]:
        return {"length": self.length, "clips": [self.sampling.stride, self.sampling.count]}
