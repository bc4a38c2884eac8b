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
      crops: squares of each clip, evenly spread along the longer side of its frames; 1: the whole.
    """

    stride: int = 1
    count: int = 1
    crops: int = 1

    def span(self, length: int) -> int:
        """Return from the first to the last frame of a clip of `length`, how many there are.

        >>> Sampling(stride=2).span(8)
        15
        """
        return (length - 1) * self.stride + 1


ONE_CLIP = Sampling()


@dataclasses.dataclass(frozen=True)
class Clips:
    """Clips of `length` frames each, [length, H, W, C]; several, [count, length, H, W, C]. With
    crops there are so many of each clip, one after the other, of the shorter side of the frames.

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
        how, frame = self.sampling, field.shape[1:]
        if field.shape[0] is not None:
            self._spare(field.shape[0])
        if how.crops > 1:
            side = min(frame[:2])
            frame = (side, side, frame[-1])
        several = (how.count * how.crops,) if how.count * how.crops > 1 else ()
        shape = (*several, self.length, *frame)
        return field.replace(shape=shape, rate=field.rate / how.stride)

    def __call__(self, value: np.ndarray, rng: np.random.Generator | None) -> np.ndarray:
        spare, count = self._spare(len(value)), self.sampling.count
        if self.random:
            starts = rng.integers(spare + 1, size=count)
        elif count == 1:
            starts = np.array([spare // 2])
        else:
            starts = np.round(np.linspace(0, spare, count)).astype(int)
        offsets = self.sampling.stride * np.arange(self.length)
        clips = [crop for start in starts for crop in self._crops(value[start + offsets])]
        return np.stack(clips) if len(clips) > 1 else clips[0]

    def _crops(self, clip: np.ndarray) -> list[np.ndarray]:
        crops = self.sampling.crops
        if crops == 1:
            return [clip]
        height, width = clip.shape[1:3]
        side, axis = min(height, width), 1 if height > width else 2
        starts = np.round(np.linspace(0, max(height, width) - side, crops)).astype(int)
        return [clip.take(range(start, start + side), axis=axis) for start in starts]

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
        how = self.sampling
        crops = (how.crops,) if how.crops > 1 else ()
        return {"length": self.length, "clips": [how.stride, how.count, *crops]}
