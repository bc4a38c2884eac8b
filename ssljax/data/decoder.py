"""How the bytes of an image file become an array: 8 or 16 bits, 1 to 20 channels.

Pillow decodes most files. It cuts colours of 16 bits to 8, and knows no more than 4 channels: those
files are read by tifffile and imagecodecs, which the extra `tiff` installs.
"""

import dataclasses
import io
import math
from typing import Any

import numpy as np

from ssljax.data import images
from ssljax.errors import optional_package

MOST_CHANNELS = 20
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_GREY = ("L", "I;16", "I;16B", "I;16L")  # Pillow's names of what it does not cut
_CHANNELS_FIRST = ("SYX", "CYX", "QYX", "IYX")  # tifffile's names of planes, and of pages


@dataclasses.dataclass(frozen=True)
class Decoder:
    """Decodes image files to arrays of one kind.

    Attributes:
      channels: 1 (grey), 3 (RGB) and 4 (RGBA) are converted to each other; other numbers are those
        of TIFF files, as stored.
      bits: 8, to uint8: of 16 bits the high byte; or 16, to uint16: 8 bits are scaled to the same
        range. With 16, and with more than 4 channels, files have to have so many channels, unless
        they are of 8 bits and no TIFF.
    """

    channels: int = 3
    bits: int = 8

    @property
    def dtype(self) -> str:
        """The dtype of the arrays."""
        return f"uint{self.bits}"

    @property
    def bytes_per_pixel(self) -> int:
        """The bytes of all channels of a pixel."""
        return self.channels * self.bits // 8

    def __call__(self, data: bytes, *, enough: int | None = None, shrink: int = 1) -> np.ndarray:
        """Return the image [height, width, channels]; see `images.decode` for the arguments.

        Of images that Pillow does not decode, rows and columns are left out where `enough` allows
        it, and `shrink` does nothing.

        Raises:
          OSError: the bytes are no whole image, or one of other channels.
          UserError: a package is missing that the file needs.
        """
        if self.bits == 8 and self.channels in images.CHANNELS:
            return images.decode(data, self.channels, enough=enough, shrink=shrink)
        pixels = self._stored(data)
        if pixels.shape[2] != self.channels:
            raise OSError(f"it has {pixels.shape[2]} channels, not data.channels={self.channels}")
        if pixels.dtype not in (np.uint8, np.uint16):
            raise OSError(f"its pixels are {pixels.dtype}; images are uint8 or uint16")
        if enough is not None:
            step = max(1, math.isqrt(pixels.shape[0] * pixels.shape[1] // enough))
            pixels = pixels[::step, ::step]
        if self.bits == 16:
            return pixels if pixels.dtype == np.uint16 else pixels.astype(np.uint16) * 257
        return pixels if pixels.dtype == np.uint8 else (pixels >> 8).astype(np.uint8)

    def size(self, data: bytes) -> tuple[int, int]:
        """Return (height, width) of an image without decoding it; see `images.encoded_size`."""
        pillow = self.channels == 1 or (self.bits == 8 and self.channels in images.CHANNELS)
        return images.encoded_size(data) if pillow or not _is_tiff(data) else _tiff_size(data)

    def _stored(self, data: bytes) -> np.ndarray:
        """Return the pixels as the file has them, of 8 or 16 bits."""
        tiff = _is_tiff(data)
        if not tiff and not _is_deep_png(data):
            if self.channels in images.CHANNELS:
                return images.decode(data, self.channels)
            raise OSError(f"it has no {self.channels} channels; of image files only TIFF may")
        if self.channels == 1:
            with images.every_error_an_os_error():
                image = images.opened(data)
                if image.mode in _GREY:
                    return np.array(image, np.uint8 if image.mode == "L" else np.uint16)[..., None]
        return _tiff_pixels(data) if tiff else _png_pixels(data)


def _is_tiff(data: bytes) -> bool:
    return data.startswith(_TIFF)


def _is_deep_png(data: bytes) -> bool:
    """Say whether a file is a PNG of 16 bits: its header has the depth in byte 24."""
    return images.is_png(data) and data[24:25] == b"\x10"


def _png_pixels(data: bytes) -> np.ndarray:
    imagecodecs = optional_package("imagecodecs", "tiff")
    with images.every_error_an_os_error():
        images.opened(data)  # refuses too many pixels
        pixels = imagecodecs.png_decode(data)
        return pixels if pixels.ndim == 3 else pixels[..., None]


def _tiff_pixels(data: bytes) -> np.ndarray:
    tifffile = optional_package("tifffile", "tiff")
    with images.every_error_an_os_error(), tifffile.TiffFile(io.BytesIO(data)) as file:
        series = file.series[0]
        height, width = _height_and_width(series)
        images.require_few_pixels(height, width)
        pixels = series.asarray()
        if series.axes in _CHANNELS_FIRST:
            return np.ascontiguousarray(np.moveaxis(pixels, 0, -1))
        return pixels if pixels.ndim == 3 else pixels[..., None]


def _tiff_size(data: bytes) -> tuple[int, int]:
    tifffile = optional_package("tifffile", "tiff")
    with images.every_error_an_os_error(), tifffile.TiffFile(io.BytesIO(data)) as file:
        return _height_and_width(file.series[0])


def _height_and_width(series: Any) -> tuple[int, int]:
    """Return the size of an image in a TIFF file: [h, w], [h, w, c] or planes [c, h, w]."""
    if series.axes in _CHANNELS_FIRST:
        return series.shape[1:]
    if series.axes in ("YX", "YXS"):
        return series.shape[:2]
    raise OSError(f"a TIFF of the axes {series.axes} and shape {series.shape} is no single image")
