"""Exact quarter turns of images: pixels move, without interpolation."""

import jax
import jax.numpy as jnp


def quarter_turns(images: jax.Array) -> jax.Array:
    """Return every image turned counter-clockwise by 0, 90, 180 and 270 degrees.

    Turns are transposes and flips. Interpolation would leave traces that reveal the turn without
    any knowledge of the content.

    Args:
      images: [..., H, W, C] with H = W.

    Returns:
      [..., 4, H, W, C], of the images' dtype.

    Raises:
      ValueError: the images are not square.

    RotNet, https://arxiv.org/abs/1803.07728; gidariss/FeatureLearningRotNet, dataloader.py
    (rotate_img).

    >>> quarter_turns(jnp.arange(4).reshape(2, 2, 1))[..., 0].tolist()
    [[[0, 1], [2, 3]], [[1, 3], [0, 2]], [[3, 2], [1, 0]], [[2, 0], [3, 1]]]
    """
    if images.ndim < 3 or images.shape[-3] != images.shape[-2]:
        raise ValueError(
            f"images must have shape [..., H, W, C] with H = W, got {list(images.shape)}"
        )
    half = images[..., ::-1, ::-1, :]
    turned = jnp.swapaxes(images, -3, -2)
    return jnp.stack([images, turned[..., ::-1, :, :], half, turned[..., :, ::-1, :]], axis=-4)
