"""Pixels on the host: decode, and bring images to one size. All else happens on the device."""

import concurrent.futures
import contextlib
import io
import math
import struct
import threading
import warnings
from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image, UnidentifiedImageError

from ssljax.spec import Field

SUFFIXES = frozenset(
    [".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm", ".jp2"]
)
# The formats of those suffixes. The name of a file proves nothing, and other decoders of PIL start
# programs (Ghostscript, for an EPS that is named .png).
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM", "JPEG2000")

PIXEL_LIMIT = 178_956_970
"""The most pixels (width x height) of an image; a larger one is refused as if it were damaged. A
file of a few kilobytes can claim any size. PIL has the same limit, twice `Image.MAX_IMAGE_PIXELS`:
who has larger images raises both."""

LARGE = 2**25  # pixels: larger images are decoded one at a time, else the memory would be that of
# 16 of them. And in a thread of their own, as the C library keeps what each thread has freed.
_one_large = threading.Lock()
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
CHANNELS = tuple(_MODES)  # to which image files can be decoded
_JPEG = b"\xff\xd8\xff"
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
PNG_TAIL = 2**16  # bytes; EXIF data are no longer in other formats, and seldom in PNG
_ORIENTATION = 0x0112  # the EXIF tag
_UPRIGHT = {  # what brings an image of this orientation upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# PIL warns from half of the limit on. For the whole process, since `catch_warnings` around each
# image would not be safe in threads.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)

_RESAMPLE = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
Box = tuple[float, float, float, float]  # left, upper, right, lower, in pixels, as PIL has it
Size = int | tuple[int, int]  # (height, width) in pixels; one number is the side of a square


def image_field(train: np.ndarray) -> Field:
    """Return the field of images uint8[n, h, w, c]: means and deviations by channel, white being 1.

    Args:
      train: the training images.
    """
    mean = train.mean(axis=(0, 1, 2), dtype=np.float64) / 255
    std = train.std(axis=(0, 1, 2), dtype=np.float64) / 255
    std = np.where(std > 0, std, 1.0)
    shape = tuple(train.shape[1:])
    return Field("image", shape, "uint8", mean=tuple(mean.tolist()), std=tuple(std.tolist()))


def mode_of(channels: int) -> str:
    """Return PIL's name for uint8 images of so many channels."""
    if channels not in _MODES:
        raise ValueError(
            f"channels must be one of {sorted(_MODES)} to decode image files, got {channels}"
        )
    return _MODES[channels]


def decode(
    data: bytes, channels: int = 3, *, enough: int | None = None, shrink: int = 1
) -> np.ndarray:
    """Decode an encoded image: upright, the first frame, uint8 whatever the file's mode.

    Transparency is laid over white (dropping it would show the arbitrary colours beneath); 16-bit
    grey keeps its high byte. Damaged EXIF data count as none. Of images of more than `LARGE` pixels
    one is decoded at a time.

    Args:
      data: the bytes of a JPEG, PNG, WebP, ... file.
      channels: 1 (grey), 3 (RGB) or 4 (RGBA).
      enough: a number of pixels; an image of more comes reduced, to between that and four times as
        many (a very narrow one to somewhat fewer). A JPEG is decoded at a smaller scale, of other
        formats rows and columns are left out. None: all pixels.
      shrink: by how much the sides of a JPEG may be shorter, 1 or more: it is decoded at the
        smallest of the scales 1, 1/2, 1/4 and 1/8 that keeps so many pixels, which is faster.

    Returns:
      uint8[height, width, channels].

    Raises:
      OSError: the bytes are no image, a truncated or damaged one, or one of more than `PIXEL_LIMIT`
        pixels.
    """
    mode = mode_of(channels)
    with every_error_an_os_error():
        image = opened(data)
        large = image.width * image.height > LARGE  # a progressive JPEG is held whole at any scale
        _scale(image, enough)
        if shrink > 1:
            image.draft(None, (-(-image.width // shrink), -(-image.height // shrink)))
        if large:
            with _one_large, concurrent.futures.ThreadPoolExecutor(1) as pool:
                pixels = pool.submit(_pixels, image, mode, enough).result()
                del image  # or the next one would begin before this memory is free
        else:
            pixels = _pixels(image, mode, enough)
        return pixels.reshape(*pixels.shape[:2], channels)


def _pixels(image: Image.Image, mode: str, enough: int | None) -> np.ndarray:
    picture = _loaded(image, enough)
    method = _UPRIGHT.get(_orientation(image))
    return np.array(_convert(picture if method is None else picture.transpose(method), mode))


@contextlib.contextmanager
def every_error_an_os_error() -> Iterator[None]:
    """Turn whatever a decoder raises into an OSError."""
    try:
        yield
    except UnidentifiedImageError as error:
        raise OSError("not an image of a known format") from error
    except OSError:
        raise
    except Exception as error:  # PIL's decoders meet damage with very many kinds
        raise OSError(str(error) or type(error).__name__) from error


def opened(data: bytes) -> Image.Image:
    """Return the image with its header read, but not its pixels."""
    try:
        try:
            image = Image.open(io.BytesIO(data), formats=FORMATS)
        except UnidentifiedImageError:
            if not data.startswith(_JPEG):
                raise
            # PIL looks for a resolution in the EXIF data of a JPEG, and trips over some damage.
            image = Image.open(io.BytesIO(_without_metadata(data)), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise OSError(str(error).partition(",")[0]) from error  # it names the size and the limit
    require_few_pixels(image.height, image.width)
    return image


def require_few_pixels(height: int, width: int) -> None:
    """Raise an OSError if an image has more than `PIXEL_LIMIT` pixels."""
    if width * height > PIXEL_LIMIT:
        raise OSError(f"{width} x {height} pixels are more than the limit of {PIXEL_LIMIT:,}")


def _excess(image: Image.Image, enough: int | None) -> int:
    """Return by how much the sides are longer than they need be, a whole number."""
    return 1 if enough is None else max(1, math.isqrt(image.width * image.height // enough))


def _without_metadata(jpeg: bytes) -> bytes:
    """Return a JPEG file without its segments APP1 to APP13, none of which the pixels need."""
    kept, at = [jpeg[:2]], 2
    while at + 4 <= len(jpeg) and jpeg[at] == 0xFF and jpeg[at + 1] not in (0xFF, 0xDA):
        end = at + 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
        if not 0xE1 <= jpeg[at + 1] <= 0xED:
            kept.append(jpeg[at:end])
        at = end
    return b"".join([*kept, jpeg[at:]])


def _scale(image: Image.Image, enough: int | None) -> None:
    """Have a JPEG decoded at a smaller scale; does nothing to others."""
    if (excess := _excess(image, enough)) > 1:
        image.draft(None, (max(1, image.width // excess), max(1, image.height // excess)))


def _loaded(image: Image.Image, enough: int | None) -> Image.Image:
    image.load()
    if (excess := _excess(image, enough)) == 1:
        return image
    size = max(1, image.width // excess), max(1, image.height // excess)
    return image.resize(size, Image.Resampling.NEAREST)


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8; 1 (upright) if there is none that can be read."""
    try:
        # The PNG class's own method would decode all pixels to look for EXIF data behind them.
        found = Image.Image.getexif(image).get(_ORIENTATION, 1)
        return found if found in _UPRIGHT else 1
    except Exception:  # whatever is wrong there says nothing of the pixels
        return 1


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
    """Return (height, width) of an encoded image, upright, without decoding it.

    Args:
      data: its bytes; perhaps only the first of them, unless `turned_at_the_end`.

    Raises:
      OSError: as `decode` does, or too few bytes.
    """
    with every_error_an_os_error():
        image = opened(_without_pixels(data))
        height, width = image.height, image.width
        # PIL turns TIFF files itself, and their size with them.
        sideways = image.format != "TIFF" and _orientation(image) in (5, 6, 7, 8)
        return (width, height) if sideways else (height, width)


def turned_at_the_end(head: bytes, tail: bytes) -> bool:
    """Say whether the orientation of a PNG file may stand behind its pixels, in its last bytes.

    Args:
      head: the first bytes of the file.
      tail: its last `PNG_TAIL` bytes.
    """
    marks = (b"eXIf", b"Raw profile type exif", b"XML:com.adobe.xmp")
    return is_png(head) and any(mark in tail for mark in marks)


def is_png(head: bytes) -> bool:
    """Say whether a file with these first bytes is a PNG file."""
    return head.startswith(_PNG)


def _without_pixels(data: bytes) -> bytes:
    """Return a PNG file without its pixels, so that what stands behind them counts as header."""
    if not is_png(data):
        return data
    kept, at = [data[: len(_PNG)]], len(_PNG)
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind != b"IDAT":
            kept.append(data[at : at + 12 + length])
        at += 12 + length
    return b"".join([*kept, _PNG_END])


def looks_whole(head: bytes, tail: bytes, size: int) -> bool:
    """Say whether the ends of a file show a whole image; False means that only decoding can tell.

    Args:
      head: the first bytes of the file, 16 or more.
      tail: its last bytes, 16 or more.
      size: the length of the file in bytes.
    """
    if head.startswith(_JPEG):
        return b"\xff\xd9" in tail[-16:]
    if is_png(head):
        return b"IEND" in tail[-16:]
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return int.from_bytes(head[4:8], "little") + 8 <= size
    return False


def both_sides(size: Size) -> tuple[int, int]:
    """Return (height, width) of a size."""
    return (size, size) if isinstance(size, int) else (size[0], size[1])


def to_resize(image: np.ndarray) -> np.ndarray | Image.Image:
    """Return an image as `resize` takes it several times without converting it each time."""
    colour = image.dtype == np.uint8 and image.shape[-1] == 3
    return Image.fromarray(image) if colour else image


def resize(
    image: np.ndarray | Image.Image, box: Box, size: Size, *, interpolation: str = "bicubic"
) -> np.ndarray:
    """Resample a box of an image to a size, with antialiasing.

    Args:
      image: uint8, uint16 or float32 [h, w, c], any number of channels; perhaps of `to_resize`. A
        mask int32[h, w] is resampled by the nearest pixel, whatever the `interpolation`.
      box: (left, upper, right, lower) in pixels, may be fractional.
      size: of the result.
      interpolation: "bicubic" or "bilinear".

    Returns:
      [height, width, c] of the same dtype. What the filter overshoots is cut at the range of the
      integers; of floats it stays.
    """
    (height, width), resample = both_sides(size), _RESAMPLE[interpolation]
    if isinstance(image, np.ndarray) and image.ndim == 2:
        nearest = Image.fromarray(np.ascontiguousarray(image, np.int32))
        return np.asarray(nearest.resize((width, height), Image.Resampling.NEAREST, box=box))
    image = to_resize(image) if isinstance(image, np.ndarray) else image
    if isinstance(image, Image.Image):
        return np.asarray(image.resize((width, height), resample, box=box))
    if image.dtype != np.uint8:  # PIL resizes no 16-bit images
        resized = resize_floats(image.astype(np.float32), box, (height, width), resample)
        if image.dtype.kind != "u":
            return resized.astype(image.dtype)
        return np.clip(np.rint(resized), 0, np.iinfo(image.dtype).max).astype(image.dtype)
    # One channel at a time: PIL would take a fourth one for transparency.
    planes = [Image.fromarray(np.ascontiguousarray(image[..., c])) for c in range(image.shape[-1])]
    planes = [p.resize((width, height), resample, box=box) for p in planes]
    return np.stack([np.asarray(p) for p in planes], axis=-1)


def resize_floats(
    image: np.ndarray, box: Box, size: tuple[int, int], resample: Image.Resampling
) -> np.ndarray:
    """Resample float32[h, w, c] as `resize` does, without rounding."""
    planes = [Image.fromarray(np.ascontiguousarray(image[..., c])) for c in range(image.shape[-1])]
    planes = [p.resize(size[::-1], resample, box=box) for p in planes]
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


def resize_and_crop(image: np.ndarray, size: Size, shorter: int = 0) -> np.ndarray:
    """Resize [h, w, c], or a mask, and crop the centre, in one step, without rounding in between.

    Args:
      image: as `resize` takes it.
      size: of the result.
      shorter: what the shorter side is resized to, such as 256 before a crop of 224; 0: the image
        is resized until it just covers `size`. A crop that does not fit in the resized image covers
        as much of it as has the aspect of `size`.
    """
    left, upper, right, lower = centre_box(*image.shape[:2], size)
    if shorter:
        pixel = min(image.shape[:2]) / shorter  # of the resized image, in pixels of this one
        part = min(1.0, both_sides(size)[0] * pixel / (lower - upper))
        across, down = (right - left) * (1 - part) / 2, (lower - upper) * (1 - part) / 2
        left, upper, right, lower = left + across, upper + down, right - across, lower - down
    return resize(image, (left, upper, right, lower), size)


def random_box(
    height: int,
    width: int,
    rng: np.random.Generator,
    scale: Sequence[float],
    ratio: Sequence[float] = (3 / 4, 4 / 3),
) -> Box:
    """Return the box of a random resized crop, as torchvision draws it.

    The area is uniform in `scale` times the image's, the logarithm of the aspect ratio uniform
    between those of `ratio`; after ten draws that do not fit, the largest centred box of an
    allowed ratio.

    Args:
      height, width: of the image, in pixels.
      rng: consumed in a fixed pattern, so that equal generators give equal boxes.
      scale: (smallest, largest) part of the image's area.
      ratio: (smallest, largest) width / height.
    """
    draws = rng.random((10, 2))
    where = rng.random(2)
    low, high = math.log(ratio[0]), math.log(ratio[1])
    for area, aspect in draws:
        area = (scale[0] + (scale[1] - scale[0]) * area) * height * width
        aspect = math.exp(low + (high - low) * aspect)
        w, h = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < w <= width and 0 < h <= height:
            break
    else:
        w, h = min(width, round(height * ratio[1])), min(height, round(width / ratio[0]))
        w, h = max(w, 1), max(h, 1)
        where = np.array([0.5, 0.5])
    left, upper = int(where[0] * (width - w + 1)), int(where[1] * (height - h + 1))
    return left, upper, left + w, upper + h
