"""Corruptions of images float32[H, W, C] in [0, 1]; so are the results.

| corruption | strengths 1 to 5 |
|---|---|
| noise | Gaussian, standard deviation .08, .12, .18, .26, .38 |
| blur | Gaussian, sigma .5, .75, 1, 1.5, 2 in 32nds of the shorter side |
| contrast | factor .4, .3, .2, .1, .05 around the mean of each channel |
| occlusion | a grey rectangle of .1, .2, .3, .4, .5 of the area, anywhere |
| rotation | by 10, 20, 30, 45, 60 degrees, either way |

Noise and contrast have the strengths of ImageNet-C. Blur is a part of the side, so that small and
large images lose the same detail; at 32 pixels its strengths reach twice as far as those of
CIFAR-10-C. Hendrycks and Dietterich, Benchmarking neural network robustness to common corruptions
and perturbations (2019); hendrycks/robustness, make_imagenet_c.py and make_cifar_c.py. Occlusion
and rotation are not among theirs.
"""

import math

import jax
import jax.numpy as jnp

from ssljax.ops.augment.blur import gaussian_blur
from ssljax.ops.degrade.levels import level

NOISE = (0.08, 0.12, 0.18, 0.26, 0.38)
BLUR = (0.5 / 32, 0.75 / 32, 1 / 32, 1.5 / 32, 2 / 32)
CONTRAST = (0.4, 0.3, 0.2, 0.1, 0.05)
OCCLUSION = (0.1, 0.2, 0.3, 0.4, 0.5)
ROTATION = (10.0, 20.0, 30.0, 45.0, 60.0)
_GREY = 0.5


def image_noise(key: jax.Array, image: jax.Array, strength: jax.Array | int) -> jax.Array:
    """Add Gaussian noise to each value."""
    noise = jax.random.normal(key, image.shape)
    return jnp.clip(image + level(NOISE, strength) * noise, 0.0, 1.0)


def image_blur(key: jax.Array, image: jax.Array, strength: jax.Array | int) -> jax.Array:
    """Blur by a Gaussian; nothing is drawn."""
    del key
    side = min(image.shape[:2])
    reach = min(math.ceil(4 * BLUR[-1] * side), side - 1)
    return gaussian_blur(image, level(BLUR, strength) * side, 2 * reach + 1)


def image_contrast(key: jax.Array, image: jax.Array, strength: jax.Array | int) -> jax.Array:
    """Move each value towards the mean of its channel; nothing is drawn."""
    del key
    mean = jnp.mean(image, axis=(0, 1))
    return mean + level(CONTRAST, strength) * (image - mean)


def image_occlusion(key: jax.Array, image: jax.Array, strength: jax.Array | int) -> jax.Array:
    """Put a grey rectangle, of the image's own shape, on a place where it fits whole."""
    height, width, _ = image.shape
    side = jnp.sqrt(level(OCCLUSION, strength))
    h, w = jnp.round(side * height), jnp.round(side * width)
    y, x = jax.random.uniform(key, (2,))
    top, left = jnp.floor(y * (height - h + 1)), jnp.floor(x * (width - w + 1))
    rows, columns = jnp.arange(height)[:, None], jnp.arange(width)[None, :]
    hidden = (rows >= top) & (rows < top + h) & (columns >= left) & (columns < left + w)
    return jnp.where(hidden[..., None], _GREY, image)


def image_rotation(key: jax.Array, image: jax.Array, strength: jax.Array | int) -> jax.Array:
    """Turn about the centre, bilinear; beyond its border an image repeats its outermost pixels."""
    height, width, channels = image.shape
    sign = jnp.where(jax.random.bernoulli(key), 1.0, -1.0)
    angle = sign * jnp.deg2rad(level(ROTATION, strength))
    y = (jnp.arange(height) - (height - 1) / 2)[:, None]
    x = (jnp.arange(width) - (width - 1) / 2)[None, :]
    at = [
        jnp.cos(angle) * y - jnp.sin(angle) * x + (height - 1) / 2,
        jnp.sin(angle) * y + jnp.cos(angle) * x + (width - 1) / 2,
    ]

    def turned(plane):
        return jax.scipy.ndimage.map_coordinates(plane, at, order=1, mode="nearest")

    return jnp.stack([turned(image[..., c]) for c in range(channels)], axis=-1)
