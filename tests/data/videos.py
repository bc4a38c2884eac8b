"""Tiny video files that tests write: of each frame one grey, so that it tells its number."""

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image


def frames(count: int, size: tuple[int, int] = (16, 16), step: int = 8) -> np.ndarray:
    """Return uint8 [count, height, width, 3]; frame k is of the grey k * step."""
    greys = np.arange(count, dtype=np.uint8) * step
    return np.broadcast_to(greys[:, None, None, None], (count, *size, 3)).copy()


def animation(pictures: np.ndarray, kind: str = "webp", milliseconds: int | Sequence[int] = 100):
    """Return the bytes of an animation."""
    first, *rest = [Image.fromarray(one) for one in pictures]
    stream = io.BytesIO()
    how = {"lossless": True} if kind == "webp" else {}
    durations = milliseconds if isinstance(milliseconds, int) else list(milliseconds)
    first.save(stream, kind, save_all=True, append_images=rest, duration=durations, loop=0, **how)
    return stream.getvalue()


def film(pictures: np.ndarray, kind: str = "mp4", fps: int = 10, codec: str = "mpeg4") -> bytes:
    """Return the bytes of a film, by PyAV."""
    import av

    stream = io.BytesIO()
    with av.open(stream, "w", format=kind) as container:
        track = container.add_stream(codec, rate=fps)
        track.height, track.width = pictures.shape[1:3]
        track.pix_fmt = "yuv420p"
        for one in pictures:
            container.mux(track.encode(av.VideoFrame.from_ndarray(one, format="rgb24")))
        container.mux(track.encode())
    return stream.getvalue()
