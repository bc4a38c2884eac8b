"""Redundancy reduction: views agree, and their features spread over all dimensions."""

from typing import Any

import jax
import jax.numpy as jnp
from einops import rearrange

from ssljax.losses import checks
from ssljax.ops.normalize import at_least_float32, l2_normalize

_HIGHEST = jax.lax.Precision.HIGHEST


def barlow_twins(
    z1: jax.Array,
    z2: jax.Array,
    *,
    off_diagonal_weight: float | jax.Array,
    present: jax.Array | None = None,
) -> jax.Array:
    """Cross-correlation of two views against the identity matrix (Barlow Twins).

    With y = (z - mean) / sqrt(var + 1e-5) over the batch, per feature, var the biased variance,

        C = y1' y2 / B
        loss = sum_i (C_ii - 1)^2 + off_diagonal_weight * sum_{i != j} C_ij^2

    The loss couples the batch: pass the global batch. The gradient is the true one. The official
    code sums C over the N devices with an operation that autograd does not see, and then averages
    gradients, which gives 1 / N of the true gradient. LARS normalises this factor away for the
    parameters that it adapts. For biases and norms, divide the official learning rate (0.0048) by N
    to get the same step.

    Args:
      z1: float[B, D], the projections of the first view of every example, B at least 2.
      z2: float[B, D], those of the second view, in the same order.
      off_diagonal_weight: 0.0051 in the official code.
      present: bool[B], which rows are pairs; the others count nowhere. None: all. The loss of fewer
        than two is 0.

    Returns:
      A scalar, at least float32: 0 if both views are the same and white, about
      D (1 + 1 / B) + off_diagonal_weight * D (D - 1) / B if they are independent, D if all
      examples are equal.

    Raises:
      ValueError: the shapes differ or are not [B, D], or B is 1.
      TypeError: the projections are not floats.

    Barlow Twins, https://arxiv.org/abs/2103.03230; facebookresearch/barlowtwins, main.py.

    >>> z = jnp.array([[1.0, 1.0], [-1.0, -1.0]])  # the second feature tells nothing new
    >>> print(f"{barlow_twins(z, z, off_diagonal_weight=0.5):.2f}")
    1.00
    """
    checks.shapes(z1=(z1, "B D"), z2=(z2, "B D"))
    checks.several(z1=z1)
    checks.floats(z1=z1, z2=z2)
    where, count, several = _rows(z1, present)
    y1, y2 = (_standardized(z, where) for z in (z1, z2))
    correlation = jnp.einsum("bi,bj->ij", y1, y2, precision=_HIGHEST) / count
    wanted = jnp.square(jnp.diagonal(correlation) - 1)
    loss = jnp.sum(wanted) + off_diagonal_weight * _off_diagonal_squares(correlation)
    return loss if several is True else jnp.where(several, loss, 0.0)


def vicreg(
    z1: jax.Array,
    z2: jax.Array,
    *,
    invariance_weight: float | jax.Array,
    variance_weight: float | jax.Array,
    covariance_weight: float | jax.Array,
    present: jax.Array | None = None,
) -> jax.Array:
    """Variance, invariance and covariance regularisation (VICReg).

        invariance = mean over B and D of (z1 - z2)^2
        variance = mean over D and the two views of relu(1 - sqrt(var(z) + 1e-4))
        covariance = sum over the two views of sum_{i != j} cov(z)_ij^2 / D
        loss = the three, weighted and added

    var and cov divide by B - 1. The loss couples the batch: pass the global batch. The text of the
    paper sums the squared distance over D; the official code, like this function, takes the mean,
    and the published weights are for the mean.

    Args:
      z1: float[B, D], the projections of the first view of every example, B at least 2.
      z2: float[B, D], those of the second view, in the same order.
      invariance_weight: 25 in the paper.
      variance_weight: 25 in the paper.
      covariance_weight: 1 in the paper.
      present: as of `barlow_twins`.

    Returns:
      A scalar, at least float32; 0.99 * variance_weight if all projections are equal.

    Raises:
      ValueError: the shapes differ or are not [B, D], or B is 1.
      TypeError: the projections are not floats.

    VICReg, https://arxiv.org/abs/2105.04906; facebookresearch/vicreg, main_vicreg.py.

    >>> weights = dict(invariance_weight=25.0, variance_weight=25.0, covariance_weight=1.0)
    >>> print(f"{vicreg(jnp.ones((4, 3)), jnp.ones((4, 3)), **weights):.2f}")
    24.75
    """
    checks.shapes(z1=(z1, "B D"), z2=(z2, "B D"))
    checks.several(z1=z1)
    checks.floats(z1=z1, z2=z2)
    where, count, several = _rows(z1, present)
    distance = jnp.square(at_least_float32(z1) - at_least_float32(z2))
    invariance, dim = jnp.mean(distance, where=where), z1.shape[1]
    variance = covariance = 0.0
    for z in (_centred(z1, where=where), _centred(z2, where=where)):
        var = jnp.sum(jnp.square(z), axis=0) / (count - 1)
        variance += jnp.mean(jax.nn.relu(1 - jnp.sqrt(var + 1e-4))) / 2
        cov = jnp.einsum("bi,bj->ij", z, z, precision=_HIGHEST) / (count - 1)
        covariance += _off_diagonal_squares(cov) / dim
    loss = (
        invariance_weight * invariance + variance_weight * variance + covariance_weight * covariance
    )
    return loss if several is True else jnp.where(several, loss, 0.0)


def w_mse(z1: jax.Array, z2: jax.Array, *, group_size: int, epsilon: float) -> jax.Array:
    """Squared distance of two whitened views (W-MSE), per pair of views.

    Each group of `group_size` consecutive rows of a view is whitened by its own mean and covariance
    S (divided by group_size - 1). Then every row is scaled to unit length:

        L L' = (1 - epsilon) S + epsilon I        (Cholesky)
        w = L^-1 (z - mean)
        loss_b = |w1_b / |w1_b| - w2_b / |w2_b||^2

    To change the groups, shuffle the rows of both views in the same order. With epsilon = 0, as in
    the official code, inputs need variance in every direction; an epsilon above 0 allows inputs
    without.

    Args:
      z1: float[B, D], the projections of the first view of every example.
      z2: float[B, D], those of the second view, in the same order.
      group_size: a divisor of B, larger than D; twice D in the paper.
      epsilon: between 0 and 1, the weight of the identity in the covariance.

    Returns:
      [B], at least float32, between 0 and 4; 2 on average for independent views.

    Raises:
      ValueError: the shapes differ or are not [B, D], or the groups do not fit; epsilon out of
        range.
      TypeError: the projections are not floats.

    W-MSE, https://arxiv.org/abs/2007.06346; htdt/self-supervised, methods/w_mse.py.

    >>> z = jnp.array([[1.0], [2.0], [3.0], [6.0]])
    >>> w_mse(z, -5 * z, group_size=4, epsilon=1e-6).tolist()  # one dimension has two directions
    [4.0, 4.0, 0.0, 4.0]
    """
    checks.shapes(z1=(z1, "B D"), z2=(z2, "B D"))
    checks.floats(z1=z1, z2=z2)
    batch, dim = z1.shape
    if group_size < 1 or batch % group_size:
        raise ValueError(
            f"group_size must be a divisor of the batch size {batch}, got {group_size}"
        )
    if group_size <= dim:
        raise ValueError(
            f"group_size must be larger than D = {dim}, or the covariance is singular; "
            f"got {group_size}"
        )
    if isinstance(epsilon, int | float) and not 0 <= epsilon <= 1:
        raise ValueError(f"epsilon must be between 0 and 1, got {epsilon}")
    unit1, unit2 = (
        l2_normalize(_whitened(rearrange(z, "(g n) d -> g n d", n=group_size), epsilon))
        for z in (z1, z2)
    )
    return rearrange(jnp.sum(jnp.square(unit1 - unit2), axis=-1), "g n -> (g n)")


def tico(
    z1: jax.Array,
    z2: jax.Array,
    covariance: jax.Array,
    *,
    momentum: float | jax.Array,
    weight: float | jax.Array,
) -> tuple[jax.Array, jax.Array]:
    """Transformation invariance and covariance contrast (TiCo), per pair of views.

    With u the unit vectors of z,

        C = momentum * covariance + (1 - momentum) * u1' u1 / B
        loss_b = -u1_b . u2_b + weight * u1_b' C u1_b

    No gradient goes through the second view or through the covariance of earlier steps. The
    gradient goes through this batch's part of C.

    Args:
      z1: float[B, D], the student's projections, of the global batch.
      z2: float[B, D], the teacher's projections of the other view.
      covariance: float[D, D], the matrix C that the last step returned; zeros at the first step.
      momentum: weight of the old covariance; 0.9 in the paper.
      weight: weight of the covariance term; 8 in the paper (20 for its longest runs).

    Returns:
      The loss [B], at least float32, and C, without gradient. At the stationary C, collapsed
      projections have the loss weight - 1, spread ones about weight / D - 1.

    Raises:
      ValueError: shapes do not fit, or the momentum is not between 0 and 1.
      TypeError: an array is not of a float dtype.

    TiCo, https://arxiv.org/abs/2206.10698 (algorithm 1); sayannag/TiCo-pytorch, TiCo/main.py.

    >>> loss, covariance = tico(jnp.eye(2), jnp.eye(2), jnp.zeros((2, 2)), momentum=0.9, weight=8.0)
    >>> print(f"{loss.mean():.2f}", covariance.diagonal())
    -0.60 [0.05 0.05]
    """
    checks.shapes(z1=(z1, "B D"), z2=(z2, "B D"), covariance=(covariance, "D D"))
    checks.floats(z1=z1, z2=z2, covariance=covariance)
    if isinstance(momentum, int | float) and not 0 <= momentum <= 1:
        raise ValueError(f"momentum must be between 0 and 1, got {momentum}")
    u1, u2 = l2_normalize(z1), jax.lax.stop_gradient(l2_normalize(z2))
    earlier = at_least_float32(jax.lax.stop_gradient(covariance))
    of_batch = jnp.einsum("bi,bj->ij", u1, u1, precision=_HIGHEST) / len(z1)
    now = momentum * earlier + (1 - momentum) * of_batch
    contrast = jnp.sum(jnp.einsum("bi,ij->bj", u1, now, precision=_HIGHEST) * u1, axis=1)
    return weight * contrast - jnp.sum(u1 * u2, axis=1), jax.lax.stop_gradient(now)


KNOTS, LIMIT = 17, 3.0  # knots of the quadrature over t


def sigreg(z: jax.Array, directions: jax.Array) -> jax.Array:
    """Sketched isotropic Gaussian regularisation (LeJEPA): the distance of a batch from N(0, I).

    For every direction a, the Epps-Pulley statistic of x = a . z against N(0, 1),

        B * integral over t of |mean_b exp(i t x_b) - exp(-t^2 / 2)|^2 exp(-t^2 / 2)

    by the trapezoidal rule with 17 knots on [0, 3], doubled for the negative half, as in the
    official code (the paper uses [-5, 5]). The loss is the mean over directions. It couples the
    batch: pass the global batch, of one view. Do not scale z to unit length. Draw new directions at
    each step, the same for all views.

    Args:
      z: float[B, D], the projections of a view of every example.
      directions: float[S, D]; scaled to unit length here, so normal random numbers suffice. They
        get no gradient.

    Returns:
      A scalar, at least float32: 1.052 on average for z ~ N(0, I), whatever B and D; 0.402 B if
      all z are 0.

    Raises:
      ValueError: the shapes do not fit.
      TypeError: an array is not of a float dtype.

    LeJEPA, https://arxiv.org/abs/2511.08544; rbalestr-lab/lejepa, univariate/epps_pulley.py and
    multivariate/slicing.py.

    >>> print(f"{sigreg(jnp.zeros((10, 2)), jnp.eye(2)):.2f}")
    4.02
    """
    checks.shapes(z=(z, "B D"), directions=(directions, "S D"))
    checks.floats(z=z, directions=directions)
    directions = jax.lax.stop_gradient(l2_normalize(directions))
    x = jnp.einsum("bd,sd->bs", at_least_float32(z), directions, precision=_HIGHEST)

    @jax.checkpoint  # a sine for each of B x S x knots is cheaper to compute again than to store
    def distance(t):
        normal = jnp.exp(-jnp.square(t) / 2)
        real, imaginary = jnp.mean(jnp.cos(t * x), axis=0), jnp.mean(jnp.sin(t * x), axis=0)
        return (jnp.square(real - normal) + jnp.square(imaginary)) * normal

    values = jax.lax.map(distance, jnp.linspace(0, LIMIT, KNOTS, dtype=x.dtype))
    return 2 * len(z) * jnp.mean(jnp.trapezoid(values, dx=LIMIT / (KNOTS - 1), axis=0))


def _rows(z: jax.Array, present: jax.Array | None) -> tuple[jax.Array | None, Any, Any]:
    """Return which rows count, bool[B, 1], how many they are, and whether they are two or more.

    Where they are not, all count, so that nothing is divided by 0; the loss is 0 then.
    """
    if present is None:
        return None, len(z), True
    checks.shapes(z=(z, "B D"), present=(present, "B"))
    several = jnp.sum(present) >= 2
    where = present | ~several
    return where[:, None], jnp.sum(where), several


def _centred(z: jax.Array, axis: int = 0, where: jax.Array | None = None) -> jax.Array:
    """Return z less its mean; with `where`, less that of those rows, and 0 in the others."""
    z = at_least_float32(z)
    # Subtract the mean twice: the mean of equal large numbers is rounded, which leaves a spread.
    for _ in range(2):
        z = z - jnp.mean(z, axis=axis, keepdims=True, where=where)
    return z if where is None else jnp.where(where, z, 0)


def _in_range(z: jax.Array, axis: int | tuple[int, int]) -> tuple[jax.Array, jax.Array]:
    """Return z / s and s >= 1 such that squares do not overflow; for scale-free uses."""
    size = jax.lax.stop_gradient(jnp.max(jnp.abs(z), axis=axis, keepdims=True))
    size = jnp.maximum(size, 1)
    return z / size, size


def _standardized(z: jax.Array, where: jax.Array | None) -> jax.Array:
    z, size = _in_range(_centred(z, where=where), axis=0)
    var = jnp.mean(jnp.square(z), axis=0, where=where)
    return z * jax.lax.rsqrt(var + (1e-5 / size / size)[0])


def _off_diagonal_squares(matrix: jax.Array) -> jax.Array:
    return jnp.sum(jnp.where(jnp.eye(len(matrix), dtype=bool), 0, jnp.square(matrix)))


def _whitened(z: jax.Array, epsilon: float) -> jax.Array:
    """Return z[G, N, D], white within each of the G groups."""
    dim = z.shape[2]
    z, size = _in_range(_centred(z, axis=1), axis=(1, 2))
    covariance = jnp.einsum("gni,gnj->gij", z, z, precision=_HIGHEST) / (z.shape[1] - 1)
    identity = jnp.eye(dim, dtype=z.dtype)
    shrunk = (1 - epsilon) * covariance + epsilon / size / size * identity
    # Rounding can make a singular covariance indefinite, and then it has no Cholesky factor. This
    # much more on the diagonal prevents it.
    shrunk *= 1 + 2 * dim * jnp.finfo(z.dtype).eps * identity
    lower = jnp.linalg.cholesky(shrunk)
    return jax.lax.linalg.triangular_solve(lower, z, lower=True, transpose_a=True)
