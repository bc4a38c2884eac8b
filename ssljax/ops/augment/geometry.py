"""Where a view looks: random resized crop, resize and flip, as two small matrix products."""

import math

import jax
import jax.numpy as jnp

from ssljax.ops.augment.separable import separable

ATTEMPTS = 10
CROP_DRAWS = 2 * ATTEMPTS + 2


def sample_box(
    uniforms: jax.Array,
    shape: tuple[int, int],
    scale: tuple[float, float],
    ratio: tuple[float, float],
) -> jax.Array:
    """Return the box of a random resized crop, distributed exactly as torchvision draws it.

    Ten candidates of area A ~ U(scale) * H * W and aspect r with log r ~ U(log ratio) are laid out
    at once, w = round(sqrt(A r)) and h = round(sqrt(A / r)); the first that fits is placed
    uniformly, and if none fits the largest central box with an allowed aspect is taken.

    Args:
      uniforms: float[CROP_DRAWS] in [0, 1): ten areas, ten aspects, then the row and the column.
      shape: (H, W) of the image in pixels.
      scale: least and greatest fraction of the image's area.
      ratio: least and greatest aspect, width / height.

    Returns:
      float32[4]: top, left, height, width; whole pixels.

    Reference: torchvision.transforms.RandomResizedCrop.get_params, whose loop ends at the first
    fit; here all ten are laid out, so that the shape of the program does not depend on the draw.
    """
    height, width = shape
    area = height * width * between(uniforms[:ATTEMPTS], *scale)
    log_ratio = between(uniforms[ATTEMPTS : 2 * ATTEMPTS], *map(math.log, ratio))
    w = jnp.round(jnp.sqrt(area * jnp.exp(log_ratio)))
    h = jnp.round(jnp.sqrt(area * jnp.exp(-log_ratio)))
    fits = (w > 0) & (w <= width) & (h > 0) & (h <= height)
    first = jnp.argmax(fits)
    h, w = h[first], w[first]
    top = jnp.floor(uniforms[-2] * (height - h + 1))
    left = jnp.floor(uniforms[-1] * (width - w + 1))
    drawn = jnp.stack([top, left, h, w])
    return jnp.where(jnp.any(fits), drawn, jnp.array(_central_box(shape, ratio), drawn.dtype))


def _triangle(distance: jax.Array) -> jax.Array:
    return jnp.maximum(0.0, 1.0 - distance)


def _cubic(distance: jax.Array) -> jax.Array:
    """Keys' convolution kernel with a = -1/2, negative between 1 and 2, where it ends."""
    x = jnp.minimum(distance, 2.0)
    near = (1.5 * x - 2.5) * x * x + 1.0
    far = ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    return jnp.where(x < 1.0, near, far)


# Filters by name, as functions of the distance in pixels of the coarser of the two images.
INTERPOLATIONS = {"bilinear": _triangle, "bicubic": _cubic}


def crop_and_resize(
    image: jax.Array,
    box: jax.Array,
    size: tuple[int, int],
    flip: jax.Array | bool = False,
    interpolation: str = "bilinear",
) -> jax.Array:
    """Crop a box, resize it with an antialiased filter, and mirror it if asked.

    out[o, p] = sum_{y, x} R[o, y] C[p, x] image[y, x], where each row of R (and C) is the filter,
    max(1, box / size) times as wide, about the output pixel's centre, cut at the box's border and
    normalised. The flip is free: it only reverses the centres of C.

    Args:
      image: float32[H, W, C].
      box: float[4], top, left, height, width in pixels, inside the image.
      size: height and width of the result in pixels.
      flip: whether to mirror left and right.
      interpolation: "bilinear" or "bicubic" (a = -1/2).

    Returns:
      float32[size[0], size[1], C]; values within those of the image if bilinear, else a little
      beyond them at edges.

    Reference: Pillow's `Image.crop(box).resize(size, BILINEAR)` or BICUBIC, which are torchvision's
    `resized_crop` of such an image and, with antialias=True, of a tensor. No rounding to bytes in
    between.
    """
    top, left, height, width = box
    kernel = INTERPOLATIONS[interpolation]
    rows = _resize_matrix(kernel, top, height, image.shape[0], size[0])
    columns = _resize_matrix(kernel, left, width, image.shape[1], size[1], flip)
    return separable(rows, columns, image)


def crop_nearest(
    mask: jax.Array, box: jax.Array, size: tuple[int, int], flip: jax.Array | bool = False
) -> jax.Array:
    """Crop a box of a mask and resize it by the nearest pixel, as `crop_and_resize` does an image.

    out[o, p] = mask[top + floor((o + 1/2) height / size[0]), left + floor((p + 1/2) width /
    size[1])], columns in the reverse order if flipped: the pixel in which the centre of the output
    pixel lies, as Pillow's NEAREST.

    Args:
      mask: int32[H, W].
      box, size, flip: as of `crop_and_resize`.
    """
    top, left, height, width = box
    rows = _nearest(top, height, mask.shape[0], size[0])
    columns = _nearest(left, width, mask.shape[1], size[1], flip)
    return mask[rows[:, None], columns[None, :]]


def _nearest(start, length, size_in, size_out, flip=False) -> jax.Array:
    index = jnp.arange(size_out, dtype=jnp.float32)
    index = jnp.where(flip, size_out - 1 - index, index)
    places = start + jnp.floor((index + 0.5) * length / size_out)
    return jnp.clip(places.astype(jnp.int32), 0, size_in - 1)


def whole(shape: tuple[int, ...]) -> jax.Array:
    """Return the box of a whole image of a shape."""
    return jnp.array((0, 0, *shape[:2]), jnp.float32)


def _resize_matrix(kernel, start, length, size_in, size_out, flip=False) -> jax.Array:
    """Return float32[size_out, size_in], the weight of every input pixel in every output pixel."""
    step = length / size_out
    index = jnp.arange(size_out, dtype=jnp.float32)
    index = jnp.where(flip, size_out - 1 - index, index)
    # Places are counted from the start of the box, so that rounding is that of small numbers.
    centre = (index[:, None] + 0.5) * step
    pixel = jnp.arange(size_in, dtype=jnp.float32)[None, :] - start
    weight = kernel(jnp.abs(pixel + 0.5 - centre) / jnp.maximum(step, 1.0))
    weight = jnp.where((pixel >= 0) & (pixel < length), weight, 0.0)
    return weight / jnp.sum(weight, axis=1, keepdims=True)


def _central_box(shape: tuple[int, int], ratio: tuple[float, float]) -> tuple[int, int, int, int]:
    height, width = shape
    if width / height < ratio[0]:
        h, w = round(width / ratio[0]), width
    elif width / height > ratio[1]:
        h, w = height, round(height * ratio[1])
    else:
        h, w = height, width
    return (height - h) // 2, (width - w) // 2, h, w


def between(uniform: jax.Array, low: float, high: float) -> jax.Array:
    """Map a draw from [0, 1) to [low, high)."""
    return low + uniform * (high - low)
