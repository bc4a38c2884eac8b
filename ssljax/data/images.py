"""Pixels on the host: decode, and bring images to one size. All else happens on the device."""

import io
import math
import warnings
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

SUFFIXES = frozenset(
    [".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm", ".jp2"]
)
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
CHANNELS = tuple(_MODES)  # to which image files can be decoded

Box = tuple[float, float, float, float]  # left, upper, right, lower, in pixels, as PIL has it
Size = int | tuple[int, int]  # (height, width) in pixels; one number is the side of a square


def mode_of(channels: int) -> str:
    """Return PIL's name for uint8 images of so many channels."""
    if channels not in _MODES:
        raise ValueError(
            f"channels must be one of {sorted(_MODES)} to decode image files, got {channels}"
        )
    return _MODES[channels]


def decode(data: bytes, channels: int = 3) -> np.ndarray:
    """Decode an encoded image: upright, the first frame, uint8 whatever the file's mode.

    Transparency is laid over white (dropping it would show the arbitrary colours beneath); 16-bit
    grey keeps its high byte.

    Args:
      data: the bytes of a JPEG, PNG, WebP, ... file.
      channels: 1 (grey), 3 (RGB) or 4 (RGBA).

    Returns:
      uint8[height, width, channels].

    Raises:
      OSError: the bytes are no image, or a truncated or damaged one.
    """
    mode = mode_of(channels)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data))
            image.load()
        picture = _convert(ImageOps.exif_transpose(image), mode)
        return np.array(picture).reshape(picture.height, picture.width, channels)
    except UnidentifiedImageError as error:
        raise OSError("not an image of a known format") from error
    except (
        SyntaxError,
        ValueError,
        EOFError,
        IndexError,
        KeyError,
        TypeError,
        MemoryError,
    ) as error:
        # PIL's decoders meet damage with any of these.
        raise OSError(str(error) or type(error).__name__) from error
    except Image.DecompressionBombError as error:
        raise OSError(str(error)) from error


def _upright_size(image: Image.Image) -> tuple[int, int]:
    width, height = image.size
    # PIL would decode a whole PNG to look for EXIF data after the pixels.
    has_exif = image.format != "PNG" or "exif" in image.info
    sideways = has_exif and image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
    return (width, height) if sideways else (height, width)


def _convert(image: Image.Image, mode: str) -> Image.Image:
    if image.mode.startswith("I"):  # 16-bit grey; PIL's own conversion would clip at 255
        wide = np.asarray(image).astype(np.int64)
        image = Image.fromarray(np.clip(wide >> 8, 0, 255).astype(np.uint8), "L")
    elif image.mode == "F":
        raise OSError("floating-point pixels have no agreed range; store the image as 8 bit")
    transparent = "transparency" in image.info or image.mode in ("RGBA", "LA", "PA", "RGBa", "La")
    if transparent and mode != "RGBA":
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image if image.mode == mode else image.convert(mode)


def encoded_size(data: bytes) -> tuple[int, int]:
    """Return (height, width) from the header of an encoded image, without decoding it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        return _upright_size(Image.open(io.BytesIO(data)))


def looks_whole(head: bytes, tail: bytes, size: int) -> bool:
    """Say whether the ends of a file show a whole image; False means that only decoding can tell.

    Args:
      head: the first bytes of the file, 16 or more.
      tail: its last bytes, 16 or more.
      size: the length of the file in bytes.
    """
    if head.startswith(b"\xff\xd8\xff"):
        return b"\xff\xd9" in tail[-16:]
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return b"IEND" in tail[-16:]
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return int.from_bytes(head[4:8], "little") + 8 <= size
    return False


def both_sides(size: Size) -> tuple[int, int]:
    """Return (height, width) of a size."""
    return (size, size) if isinstance(size, int) else (size[0], size[1])


def resize(image: np.ndarray, box: Box, size: Size) -> np.ndarray:
    """Resample a box of an image to a size, bicubic with antialiasing.

    Args:
      image: uint8[h, w, c], any number of channels.
      box: (left, upper, right, lower) in pixels, may be fractional.
      size: of the result.

    Returns:
      uint8[height, width, c].
    """
    channels, (height, width) = image.shape[-1], both_sides(size)
    if channels == 3:
        picture = Image.fromarray(image)
        return np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC, box=box))
    # One channel at a time: PIL would take a fourth one for transparency.
    planes = [Image.fromarray(np.ascontiguousarray(image[..., c])) for c in range(channels)]
    planes = [p.resize((width, height), Image.Resampling.BICUBIC, box=box) for p in planes]
    return np.stack([np.asarray(p) for p in planes], axis=-1)


def centre_box(height: int, width: int, size: Size = 1) -> Box:
    """Return the largest centred box with the aspect of `size`, by default a square.

    It is what remains of a resize, after which the image just covers `size`, and a centre crop.
    """
    rows, columns = both_sides(size)
    common = math.gcd(rows, columns)  # so that the sides of a square are exact
    rows, columns = rows // common, columns // common
    scale = min(height / rows, width / columns)
    box_height, box_width = rows * scale, columns * scale
    left, upper = (width - box_width) / 2, (height - box_height) / 2
    # Rounding must not push the box over the border, which PIL refuses.
    return left, upper, min(left + box_width, width), min(upper + box_height, height)


def resize_and_crop(image: np.ndarray, size: Size) -> np.ndarray:
    """Resize uint8[h, w, c] until it just covers `size`, and crop the centre.

    For a square, `size` is then that of the shorter side.
    """
    return resize(image, centre_box(*image.shape[:2], size), size)


def random_box(height: int, width: int, rng: np.random.Generator, scale: Sequence[float]) -> Box:
    """Return the box of a random resized crop, as torchvision draws it.

    The area is uniform in `scale` times the image's, the logarithm of the aspect ratio uniform
    between those of 3/4 and 4/3; after ten draws that do not fit, the largest centred box of an
    allowed ratio.

    Args:
      height, width: of the image, in pixels.
      rng: consumed in a fixed pattern, so that equal generators give equal boxes.
      scale: (smallest, largest) part of the image's area.
    """
    draws = rng.random((10, 2))
    where = rng.random(2)
    low, high = math.log(3 / 4), math.log(4 / 3)
    for area, ratio in draws:
        area = (scale[0] + (scale[1] - scale[0]) * area) * height * width
        ratio = math.exp(low + (high - low) * ratio)
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            break
    else:
        w, h = min(width, round(height * 4 / 3)), min(height, round(width * 4 / 3))
        w, h = max(w, 1), max(h, 1)
        where = np.array([0.5, 0.5])
    left, upper = int(where[0] * (width - w + 1)), int(where[1] * (height - h + 1))
    return left, upper, left + w, upper + h
