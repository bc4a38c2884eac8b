"""Distillation of distributions over prototypes (DINO, iBOT, MSN), and the KoLeo regulariser."""

import math

import jax
import jax.numpy as jnp
from einops import rearrange

from ssljax.losses import checks
from ssljax.ops.normalize import at_least_float32, l2_normalize
from ssljax.ops.sinkhorn import sinkhorn

_HIGHEST = jax.lax.Precision.HIGHEST  # temperature divides the error of a reduced-precision product


def dino(
    student: jax.Array,
    teacher: jax.Array,
    center: jax.Array,
    *,
    student_temperature: float | jax.Array,
    teacher_temperature: float | jax.Array,
) -> jax.Array:
    """Cross entropy between the teacher's centred, sharpened distribution and the student's.

        loss_b = -sum_k p_b[k] log q_b[k]
        p = softmax((teacher - center) / teacher_temperature), without gradient
        q = softmax(student / student_temperature)

    The paper's loss is the mean over all pairs of a teacher's view and a different view of the
    student. The centre is used as given: update it afterwards, towards the mean of the global
    batch.

    Args:
      student: float[..., D], logits over D prototypes.
      teacher: float[..., D], the teacher's logits for another view.
      center: float[D], the running mean of the teacher's logits.
      student_temperature: a positive number or a scalar array.
      teacher_temperature: likewise; lower is sharper.

    Returns:
      [...], at least float32; log D if the student's distribution is uniform.

    Raises:
      ValueError: shapes do not fit, or a temperature is not positive.
      TypeError: an array is not of a float dtype.

    DINO, https://arxiv.org/abs/2104.14294; facebookresearch/dino, main_dino.py (DINOLoss).

    >>> teacher = jnp.array([[3.0, 1.0]])  # centred: [2, 0]
    >>> dino(jnp.array([[2.0, 0.0]]), teacher, jnp.ones(2), student_temperature=1.0,
    ...      teacher_temperature=0.1).round(3).tolist()  # log(1 + exp(-2))
    [0.12700000405311584]
    """
    checks.shapes(student=(student, "... D"), teacher=(teacher, "... D"), center=(center, "D"))
    checks.floats(student=student, teacher=teacher, center=center)
    checks.positive(
        student_temperature=student_temperature, teacher_temperature=teacher_temperature
    )
    teacher, center = jax.lax.stop_gradient((at_least_float32(teacher), at_least_float32(center)))
    p = jax.nn.softmax(_divided(teacher - center, teacher_temperature))
    log_q = jax.nn.log_softmax(_divided(at_least_float32(student), student_temperature))
    return _cross_entropy(p, log_q)


def ibot(
    student: jax.Array,
    teacher: jax.Array,
    center: jax.Array,
    *,
    student_temperature: float | jax.Array,
    teacher_temperature: float | jax.Array,
    where: jax.Array,
) -> jax.Array:
    """Cross entropy to the teacher's distribution, mean over the masked patches of an image.

        loss_b = sum_n m_bn dino(student_bn, teacher_bn, center) / max(1, sum_n m_bn)

    The teacher sees the same view without a mask. An image without masked patches has loss 0, and
    is part of the paper's mean over images. Values at patches that are not masked, NaN included,
    change neither the loss nor the gradient.

    Args:
      student: float[B, N, D], logits of N patches over D prototypes.
      teacher: float[B, N, D], the teacher's logits.
      center: float[D], the running mean of the teacher's logits of patches.
      student_temperature: a positive number or a scalar array.
      teacher_temperature: likewise.
      where: bool[B, N], True at masked patches.

    Returns:
      [B], at least float32; log D if the student's distributions are uniform and patches are
      masked.

    Raises:
      ValueError: shapes do not fit, or a temperature is not positive.
      TypeError: logits or centre are not floats, or `where` is not bool.

    iBOT, https://arxiv.org/abs/2111.07832; bytedance/ibot, main_ibot.py (iBOTLoss).

    >>> logits, hidden = jnp.zeros((2, 3, 4)), jnp.array([[True, False, True], [False] * 3])
    >>> ibot(logits, logits, jnp.zeros(4), student_temperature=0.1, teacher_temperature=0.04,
    ...      where=hidden).round(3).tolist()  # log 4 and 0
    [1.3860000371932983, 0.0]
    """
    checks.shapes(
        student=(student, "B N D"),
        teacher=(teacher, "B N D"),
        center=(center, "D"),
        where=(where, "B N"),
    )
    checks.booleans(where=where)
    # Cleared before the loss, not only after it: a NaN at an unmasked patch would reach the
    # gradient.
    losses = dino(
        jnp.where(where[..., None], student, jnp.zeros_like(student)),
        jnp.where(where[..., None], teacher, jnp.zeros_like(teacher)),
        center,
        student_temperature=student_temperature,
        teacher_temperature=teacher_temperature,
    )
    return jnp.sum(losses, axis=1, where=where) / jnp.maximum(jnp.sum(where, axis=1), 1)


def msn(
    anchors: jax.Array,
    targets: jax.Array,
    prototypes: jax.Array,
    *,
    temperature: float | jax.Array = 0.1,
    sharpening: float | jax.Array = 0.25,
    entropy_weight: float = 1.0,
    sinkhorn_iterations: int = 3,
) -> jax.Array:
    """Predict a target's distribution over prototypes from partial views; use all prototypes.

        p_bv = softmax(cos(anchor_bv, prototypes) / temperature)
        p+_b proportional to softmax(cos(target_b, prototypes) / temperature)^(1 / sharpening),
            made even over the batch by Sinkhorn-Knopp, without gradient
        loss = mean_bv -sum_k p+_b[k] log p_bv[k] + entropy_weight (log K - H(mean_bv p_bv))

    The entropy H of the mean prediction, over the global batch and all views, is maximised. The
    loss couples the batch: pass the global batch. Prototypes get gradients from the anchors only.

    Args:
      anchors: float[B, V, D], projections of V views of every example.
      targets: float[B, D], the teacher's projections.
      prototypes: float[K, D], of any length.
      temperature: a positive number or a scalar array.
      sharpening: temperature of the targets; a positive number or a scalar array.
      entropy_weight: weight of the second term.
      sinkhorn_iterations: 0 for none.

    Returns:
      A scalar, at least float32; log K if all similarities are equal, the second term being 0.

    Raises:
      ValueError: shapes do not fit, or a number is out of range.
      TypeError: an array is not of a float dtype.

    MSN, https://arxiv.org/abs/2204.07141; facebookresearch/msn, src/losses.py.

    >>> print(msn(jnp.ones((2, 3, 4)), jnp.ones((2, 4)), jnp.ones((8, 4))).round(3))  # log 8
    2.079
    """
    checks.shapes(
        anchors=(anchors, "B V D"), targets=(targets, "B D"), prototypes=(prototypes, "K D")
    )
    checks.floats(anchors=anchors, targets=targets, prototypes=prototypes)
    checks.positive(temperature=temperature, sharpening=sharpening)
    checks.not_negative(entropy_weight=entropy_weight, sinkhorn_iterations=sinkhorn_iterations)
    prototypes = l2_normalize(prototypes)

    def log_probabilities(z, t):
        cosines = jnp.einsum("...d,kd->...k", l2_normalize(z), prototypes, precision=_HIGHEST)
        return jax.nn.log_softmax(cosines / t)

    log_p = log_probabilities(anchors, temperature)
    log_target = jax.lax.stop_gradient(log_probabilities(targets, temperature * sharpening))
    target = jnp.exp(log_target)
    if sinkhorn_iterations:
        target = sinkhorn(log_target, epsilon=1.0, iterations=sinkhorn_iterations)
    log_mean = jax.nn.logsumexp(log_p, axis=(0, 1)) - math.log(log_p.shape[0] * log_p.shape[1])
    excess = math.log(len(prototypes)) + jnp.sum(jnp.exp(log_mean) * log_mean)
    return jnp.mean(_cross_entropy(target[:, None], log_p)) + entropy_weight * excess


def koleo(z: jax.Array, *, group: int = 0) -> jax.Array:
    """Kozachenko-Leonenko regulariser: push nearest neighbours in a batch apart.

        -mean_b log sqrt(d_b^2 + 1e-16), d_b = min_{c != b} |u_b - u_c|, u = z / |z|

    1e-16 keeps value and gradient finite where examples are equal. The loss couples the batch: pass
    the global batch, one view of each image. The official code takes the neighbours from the batch
    of one device, so its value depends on the number of devices. Here `group` takes them from that
    many examples, on any number of devices.

    Args:
      z: float[B, D], features of at least 2 examples.
      group: number of examples, contiguous in the batch, among which b and c are; 0 for all. It
        divides B.

    Returns:
      A scalar, at least float32; -log(2) / 2 for an orthonormal set.

    Raises:
      ValueError: the shape is not [B, D], there is a single example, or `group` does not divide B.
      TypeError: z is not of a float dtype.

    DINOv2, https://arxiv.org/abs/2304.07193; facebookresearch/dinov2, dinov2/loss/koleo_loss.py.
    Sablayrolles et al. 2018, https://arxiv.org/abs/1806.03198.

    >>> print(koleo(jnp.eye(4)).round(3))
    -0.347
    """
    checks.shapes(z=(z, "B D"))
    checks.several(z=z)
    checks.floats(z=z)
    group = group or len(z)
    if group < 2 or len(z) % group:
        raise ValueError(f"group must be 2 or more and divide the batch of {len(z)}, got {group}")
    u = rearrange(l2_normalize(z), "(g b) d -> g b d", b=group)
    cosines = jnp.einsum("gid,gjd->gij", *(jax.lax.stop_gradient(u),) * 2, precision=_HIGHEST)
    nearest = jnp.argmax(jnp.where(jnp.eye(group, dtype=bool), -jnp.inf, cosines), axis=2)
    neighbours = jnp.take_along_axis(u, nearest[:, :, None], axis=1)
    squared = jnp.sum(jnp.square(u - neighbours), axis=2)
    return -jnp.mean(jnp.log(squared + 1e-16)) / 2


def _divided(logits: jax.Array, temperature: float | jax.Array) -> jax.Array:
    # Subtract the maximum before the division. Otherwise huge logits are rounded in one way for the
    # maximum and in another for the exponent, which then overflows.
    return (logits - jax.lax.stop_gradient(jnp.max(logits, axis=-1, keepdims=True))) / temperature


def _cross_entropy(p: jax.Array, log_q: jax.Array) -> jax.Array:
    return -jnp.sum(p * log_q, axis=-1)
