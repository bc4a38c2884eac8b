"""Distillation losses: predict the output of another network for another view."""

import jax
import jax.numpy as jnp

from ssljax.losses import checks
from ssljax.ops.normalize import l2_normalize


def byol_regression(p: jax.Array, z: jax.Array) -> jax.Array:
    """Squared distance of unit vectors, per example: one direction of BYOL's loss.

        |p / |p| - z / |z||^2 = 2 - 2 cos(p, z), with no gradient through z

    BYOL's loss is the sum of both directions, so it lies in [0, 8]. The distance is summed as
    written: 2 - 2 cos would cancel where the vectors nearly agree.

    Args:
      p: float[..., D], the student's predictions.
      z: float[..., D], the teacher's projections of the other view.

    Returns:
      [...], at least float32, between 0 and 4.

    Raises:
      ValueError: the shapes differ.
      TypeError: an array is not of a float dtype.

    BYOL, https://arxiv.org/abs/2006.07733; google-deepmind/deepmind-research,
    byol/utils/helpers.py.

    >>> byol_regression(jnp.eye(2), jnp.array([[2.0, 0.0], [0.0, -3.0]])).tolist()
    [0.0, 4.0]
    """
    p, z = _unit_vectors(p, z)
    return jnp.sum(jnp.square(p - z), axis=-1)


def negative_cosine(p: jax.Array, z: jax.Array) -> jax.Array:
    """Negative cosine similarity, per example: one direction of SimSiam's loss.

        -cos(p, z), with no gradient through z

    SimSiam's loss is the mean of both directions.

    Args:
      p: float[..., D], the predictions.
      z: float[..., D], the projections of the other view.

    Returns:
      [...], at least float32, between -1 and 1.

    Raises:
      ValueError: the shapes differ.
      TypeError: an array is not of a float dtype.

    SimSiam, https://arxiv.org/abs/2011.10566; facebookresearch/simsiam, main_simsiam.py.

    >>> negative_cosine(jnp.eye(2), jnp.array([[2.0, 0.0], [0.0, -3.0]])).tolist()
    [-1.0, 1.0]
    """
    p, z = _unit_vectors(p, z)
    return -jnp.sum(p * z, axis=-1)


def _unit_vectors(p: jax.Array, z: jax.Array) -> tuple[jax.Array, jax.Array]:
    checks.shapes(p=(p, "... D"), z=(z, "... D"))
    checks.floats(p=p, z=z)
    return l2_normalize(p), l2_normalize(jax.lax.stop_gradient(z))
