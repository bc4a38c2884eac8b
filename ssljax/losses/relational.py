"""Relational loss: predict a teacher's similarities to other images."""

import jax
import jax.numpy as jnp

from ssljax.losses import checks
from ssljax.losses.blockwise import HIGHEST
from ssljax.ops.normalize import l2_normalize


def relational(
    student: jax.Array,
    teacher: jax.Array,
    memory: jax.Array,
    *,
    student_temperature: float | jax.Array,
    teacher_temperature: float | jax.Array,
) -> jax.Array:
    """ReSSL: cross entropy between the teacher's and the student's similarities.

    With all vectors scaled to unit length,

        p_b = softmax_k(teacher_b . memory_k / teacher_temperature)
        q_b = softmax_k(student_b . memory_k / student_temperature)
        loss_b = -sum_k p_bk log q_bk

    The temperature of the teacher should be below that of the student. Teacher and memory are
    targets: no gradient goes through them.

    Args:
      student: float[B, D], the projections of the strongly augmented view.
      teacher: float[B, D], the teacher's projections of the weakly augmented view.
      memory: float[K, D], for example the rows of a queue.
      student_temperature: a positive number; the paper's is 0.1.
      teacher_temperature: a positive number; the paper's is 0.04.

    Returns:
      [B], at least float32; log(K) if all of the student's similarities are equal.

    Raises:
      ValueError: shapes do not fit, or a temperature is not positive.
      TypeError: an array is not of a float dtype.

    ReSSL, https://arxiv.org/abs/2107.09282; KyleZheng1997/ReSSL.

    >>> e = jnp.eye(2)
    >>> loss = relational(e, e, e, student_temperature=1.0, teacher_temperature=1e-3)
    >>> print(f"{loss.mean():.3f}")  # log(1 + 1 / e)
    0.313
    """
    checks.shapes(student=(student, "B D"), teacher=(teacher, "B D"), memory=(memory, "K D"))
    checks.floats(student=student, teacher=teacher, memory=memory)
    checks.positive(
        student_temperature=student_temperature, teacher_temperature=teacher_temperature
    )
    teacher, memory = jax.lax.stop_gradient((teacher, l2_normalize(memory)))
    target = jax.nn.softmax(_similarity(teacher, memory) / teacher_temperature, axis=1)
    predicted = jax.nn.log_softmax(_similarity(student, memory) / student_temperature, axis=1)
    return -jnp.sum(target * predicted, axis=1)


def _similarity(z, memory):
    return jnp.einsum("bd,kd->bk", l2_normalize(z), memory, precision=HIGHEST)
