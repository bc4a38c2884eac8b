"""Distillation losses: predict the output of another network for another view."""

import jax
import jax.numpy as jnp

from ssljax.losses import checks
from ssljax.ops.normalize import l2_normalize

_HIGHEST = jax.lax.Precision.HIGHEST  # temperature divides the error of a reduced-precision product


def byol_regression(p: jax.Array, z: jax.Array) -> jax.Array:
    """Squared distance of unit vectors, per example: one direction of BYOL's loss.

        |p / |p| - z / |z||^2 = 2 - 2 cos(p, z), with no gradient through z

    BYOL's loss is the sum of both directions, so it lies in [0, 8]. The squared differences are
    summed: 2 - 2 cos would lose precision where the vectors nearly agree.

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


def similarity_distillation(
    student: jax.Array,
    teacher: jax.Array,
    queue: jax.Array,
    *,
    student_temperature: float | jax.Array,
    teacher_temperature: float | jax.Array,
) -> jax.Array:
    """Cross entropy between the similarities to other images of a teacher and of a student (SEED).

    With s, t and the rows of the queue scaled to unit length, and t_b put in front of the queue,

        p_b = softmax_k(t_b . [t_b, queue]_k / teacher_temperature), without gradient
        q_b = softmax_k(s_b . [t_b, queue]_k / student_temperature)
        loss_b = -sum_k p_bk log q_bk

    The lower the teacher's temperature, the closer this is to InfoNCE of s_b and t_b against the
    queue.

    Args:
      student: float[B, D], the student's embeddings.
      teacher: float[B, D], the teacher's embeddings of the same views.
      queue: float[K, D], earlier embeddings of the teacher.
      student_temperature: a positive number; the paper's is 0.2.
      teacher_temperature: a positive number; the paper's is 0.01.

    Returns:
      [B], at least float32; log(K + 1) if all of the student's similarities are equal.

    Raises:
      ValueError: shapes do not fit, or a temperature is not positive.
      TypeError: an array is not of a float dtype.

    SEED, https://arxiv.org/abs/2101.04731; jacobswan1/SEED, seed/builder.py.

    >>> e = jnp.eye(3)
    >>> loss = similarity_distillation(
    ...     e[:1], e[:1], e[1:], student_temperature=1.0, teacher_temperature=0.01)
    >>> print(loss.round(3))  # log(1 + 2 / exp(1))
    [0.551]
    """
    checks.shapes(student=(student, "B D"), teacher=(teacher, "B D"), queue=(queue, "K D"))
    checks.floats(student=student, teacher=teacher, queue=queue)
    checks.positive(
        student_temperature=student_temperature, teacher_temperature=teacher_temperature
    )
    teacher, queue = jax.lax.stop_gradient((l2_normalize(teacher), l2_normalize(queue)))

    def similarities(z):
        own = jnp.sum(z * teacher, axis=1, keepdims=True)
        others = jnp.einsum("bd,kd->bk", z, queue, precision=_HIGHEST)
        return jnp.concatenate([own, others], axis=1)

    p = jax.nn.softmax(similarities(teacher) / teacher_temperature)
    log_q = jax.nn.log_softmax(similarities(l2_normalize(student)) / student_temperature)
    return -jnp.sum(p * log_q, axis=1)


def _unit_vectors(p: jax.Array, z: jax.Array) -> tuple[jax.Array, jax.Array]:
    checks.shapes(p=(p, "... D"), z=(z, "... D"))
    checks.floats(p=p, z=z)
    return l2_normalize(p), l2_normalize(jax.lax.stop_gradient(z))
