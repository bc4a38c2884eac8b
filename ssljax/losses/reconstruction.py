"""Reconstruction losses: fill in what was hidden."""

import jax
import jax.numpy as jnp

from ssljax.losses import checks
from ssljax.ops.normalize import at_least_float32


def masked_mse(prediction: jax.Array, target: jax.Array, *, where: jax.Array) -> jax.Array:
    """Mean squared error over the hidden patches of every example (MAE).

        loss_b = sum_n m_bn mean_d (p_bnd - t_bnd)^2 / sum_n m_bn, with no gradient through t

    With equally many hidden patches per example, as MAE's masks have, the mean over examples is the
    paper's number, the mean over all hidden patches of the batch. An example without any has loss
    0. What is at visible patches, NaN included, changes neither the value nor the gradient.

    Args:
      prediction: float[B, N, D], N patches of D values.
      target: float[B, N, D], the patches, perhaps after `normalize_patches`.
      where: bool[B, N], True at hidden patches.

    Returns:
      [B], at least float32.

    Raises:
      ValueError: shapes do not fit.
      TypeError: prediction or target are not floats, or `where` is not bool.

    MAE, https://arxiv.org/abs/2111.06377; facebookresearch/mae, models_mae.py (forward_loss).

    >>> hidden = jnp.array([[True, False], [True, True]])
    >>> masked_mse(jnp.zeros((2, 2, 3)), jnp.full((2, 2, 3), 2.0), where=hidden).tolist()
    [4.0, 4.0]
    """
    checks.shapes(prediction=(prediction, "B N D"), target=(target, "B N D"), where=(where, "B N"))
    checks.floats(prediction=prediction, target=target)
    checks.booleans(where=where)
    target = at_least_float32(jax.lax.stop_gradient(target))
    error = jnp.where(where[..., None], at_least_float32(prediction) - target, 0)
    per_patch = jnp.mean(jnp.square(error), axis=-1)
    return jnp.sum(per_patch, axis=1) / jnp.maximum(jnp.sum(where, axis=1), 1)


def normalize_patches(patches: jax.Array) -> jax.Array:
    """Standardise every patch by its own mean and unbiased variance: MAE's better targets.

        (x - mean(x)) / sqrt(sum((x - mean(x))^2 / (D - 1)) + 1e-6)

    Predicting zero then has the loss (D - 1) / D. A patch of one colour becomes zero.

    Args:
      patches: float[..., D], with D of at least 2.

    Returns:
      An array of the same shape, at least float32.

    Raises:
      ValueError: a patch has fewer than 2 values.
      TypeError: the patches are not floats.

    MAE, https://arxiv.org/abs/2111.06377; facebookresearch/mae, models_mae.py (norm_pix_loss).

    >>> print(normalize_patches(jnp.array([[1.0, 3.0], [5.0, 5.0]])).round(3))
    [[-0.707  0.707]
     [ 0.     0.   ]]
    """
    checks.shapes(patches=(patches, "... D"))
    checks.floats(patches=patches)
    if patches.shape[-1] < 2:
        raise ValueError(f"patches must have at least 2 values each, got {patches.shape[-1]}")
    patches = at_least_float32(patches)
    centred = patches - jnp.mean(patches, axis=-1, keepdims=True)
    variance = jnp.sum(jnp.square(centred), axis=-1, keepdims=True) / (patches.shape[-1] - 1)
    return centred * jax.lax.rsqrt(variance + 1e-6)
