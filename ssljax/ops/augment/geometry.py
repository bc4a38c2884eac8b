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


def crop_and_resize(
    image: jax.Array, box: jax.Array, size: tuple[int, int], flip: jax.Array | bool = False
) -> jax.Array:
    """Crop a box, resize it with the antialiased bilinear filter, and mirror it if asked.

    out[o, p] = sum_{y, x} R[o, y] C[p, x] image[y, x], where each row of R (and C) is the triangle
    filter of width max(1, box / size) about the output pixel's centre, cut at the box's border and
    normalised. The flip is free: it only reverses the centres of C.

    Args:
      image: float32[H, W, C].
      box: float[4], top, left, height, width in pixels, inside the image.
      size: height and width of the result in pixels.
      flip: whether to mirror left and right.

    Returns:
      float32[size[0], size[1], C], values within those of the image.

    Reference: Pillow's `Image.resize(size, BILINEAR, box)`, which torchvision's antialias=True
    follows. No rounding to bytes in between.
    """
    top, left, height, width = box
    rows = _resize_matrix(top, height, image.shape[0], size[0])
    columns = _resize_matrix(left, width, image.shape[1], size[1], flip)
    return separable(rows, columns, image)


def whole(shape: tuple[int, ...]) -> jax.Array:
    """Return the box of a whole image of a shape."""
    return jnp.array((0, 0, *shape[:2]), jnp.float32)


def _resize_matrix(start, length, size_in, size_out, flip=False) -> jax.Array:
    """Return float32[size_out, size_in], the weight of every input pixel in every output pixel."""
    step = length / size_out
    index = jnp.arange(size_out, dtype=jnp.float32)
    index = jnp.where(flip, size_out - 1 - index, index)
    # Places are counted from the start of the box, so that rounding is that of small numbers.
    centre = (index[:, None] + 0.5) * step
    pixel = jnp.arange(size_in, dtype=jnp.float32)[None, :] - start
    weight = jnp.maximum(0.0, 1.0 - jnp.abs(pixel + 0.5 - centre) / jnp.maximum(step, 1.0))
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
