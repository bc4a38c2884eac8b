"""Reconstruction losses: predict the input, or the masked parts of it."""

import jax
import jax.numpy as jnp
from einops import rearrange

from ssljax.losses import checks
from ssljax.ops.normalize import at_least_float32


def mse(prediction: jax.Array, target: jax.Array) -> jax.Array:
    """Mean squared error of every example, over all of its values.

        loss_b = mean_i (p_bi - t_bi)^2, with no gradient through t

    For images it is the loss of an autoencoder. For an encoder's vectors z and their codes e it is
    VQ-VAE's commitment loss, |z - sg(e)|^2 (the mean over the components as in the official code,
    not the sum).

    Args:
      prediction: float[B, ..., D].
      target: float[B, ..., D].

    Returns:
      [B], at least float32.

    Raises:
      ValueError: the shapes differ.
      TypeError: an array is not of a float dtype.

    Autoencoders, https://arxiv.org/abs/1206.5538 (section 7); VQ-VAE,
    https://arxiv.org/abs/1711.00937; google-deepmind/sonnet, src/nets/vqvae.py (e_latent_loss).

    >>> mse(jnp.zeros((2, 4)), jnp.array([[0.0, 0.0, 0.0, 2.0], [1.0, 1.0, 1.0, 1.0]])).tolist()
    [1.0, 1.0]
    """
    checks.shapes(prediction=(prediction, "B ... D"), target=(target, "B ... D"))
    checks.floats(prediction=prediction, target=target)
    error = at_least_float32(prediction) - at_least_float32(jax.lax.stop_gradient(target))
    return jnp.mean(jnp.square(error), axis=tuple(range(1, error.ndim)))


def masked_mse(prediction: jax.Array, target: jax.Array, *, where: jax.Array) -> jax.Array:
    """Mean squared error over the masked patches of every example (MAE).

        loss_b = sum_n m_bn mean_d (p_bnd - t_bnd)^2 / sum_n m_bn, with no gradient through t

    If all examples have the same number of masked patches, as in MAE, the mean over examples is the
    paper's loss: the mean over all masked patches of the batch. An example without masked patches
    has loss 0. Values at visible patches, NaN included, change neither the loss nor the gradient.

    Args:
      prediction: float[B, N, D], N patches of D values.
      target: float[B, N, D], the patches, perhaps after `normalize_patches`.
      where: bool[B, N], True at masked patches.

    Returns:
      [B], at least float32.

    Raises:
      ValueError: shapes do not fit, or `where` is known to be False everywhere.
      TypeError: prediction or target are not floats, or `where` is not bool.

    MAE, https://arxiv.org/abs/2111.06377; facebookresearch/mae, models_mae.py (forward_loss).

    >>> hidden = jnp.array([[True, False], [True, True]])
    >>> masked_mse(jnp.zeros((2, 2, 3)), jnp.full((2, 2, 3), 2.0), where=hidden).tolist()
    [4.0, 4.0]
    """
    error = _masked_error(prediction, target, where)
    return _mean_over_masked(jnp.square(error), where)


def masked_l1(prediction: jax.Array, target: jax.Array, *, where: jax.Array) -> jax.Array:
    """Mean absolute error over the masked patches of every example (SimMIM).

        loss_b = sum_n m_bn mean_d |p_bnd - t_bnd| / sum_n m_bn, with no gradient through t

    The gradient is 0 where prediction and target are equal. Otherwise as in `masked_mse`: if all
    examples have the same number of masked patches, the mean is the paper's loss; an example
    without masked patches has loss 0; values at visible patches have no effect.

    Args:
      prediction: float[B, N, D], N patches of D values.
      target: float[B, N, D], the patches.
      where: bool[B, N], True at masked patches.

    Returns:
      [B], at least float32.

    Raises:
      ValueError: shapes do not fit, or `where` is known to be False everywhere.
      TypeError: prediction or target are not floats, or `where` is not bool.

    SimMIM, https://arxiv.org/abs/2111.09886; microsoft/SimMIM, models/simmim.py, which adds 1e-5 to
    the number of hidden pixels.

    >>> hidden = jnp.array([[True, False], [True, True]])
    >>> masked_l1(jnp.zeros((2, 2, 3)), jnp.full((2, 2, 3), -2.0), where=hidden).tolist()
    [2.0, 2.0]
    """
    error = _masked_error(prediction, target, where)
    return _mean_over_masked(jnp.abs(error), where)


def smooth_l1(
    prediction: jax.Array,
    target: jax.Array,
    *,
    beta: float = 1.0,
    where: jax.Array | None = None,
) -> jax.Array:
    """Mean over an example of an error that is squared if small and absolute if large (I-JEPA).

        e^2 / (2 beta) if |e| < beta, else |e| - beta / 2, of e = p - t, with no gradient through t

    Args:
      prediction: float[B, ..., D], values of any number of tokens.
      target: float[B, ..., D].
      beta: a positive number, the error at which the two parts meet.
      where: bool[B, ...], True at tokens that have a loss; None for all. An example without any has
        loss 0.

    Returns:
      [B], at least float32.

    Raises:
      ValueError: shapes do not fit, beta is not positive, or `where` is known to be False
        everywhere.
      TypeError: prediction or target are not floats, or `where` is not bool.

    I-JEPA, https://arxiv.org/abs/2301.08243; facebookresearch/ijepa, src/train.py. The paper has a
    squared distance; the code has this loss.

    >>> smooth_l1(jnp.array([[0.0, 0.0], [1.0, 3.0]]), jnp.zeros((2, 2))).tolist()
    [0.0, 1.5]
    """
    if where is None:
        where = jnp.ones(jnp.shape(prediction)[:-1], bool)
    checks.shapes(
        prediction=(prediction, "B ... D"), target=(target, "B ... D"), where=(where, "B ...")
    )
    checks.positive(beta=beta)
    prediction, target = (rearrange(x, "b ... d -> b (...) d") for x in (prediction, target))
    where = rearrange(where, "b ... -> b (...)")
    size = jnp.abs(_masked_error(prediction, target, where))
    # As a product: the square of a large error would overflow.
    small = jnp.minimum(size, beta)
    return _mean_over_masked(small * (size - small / 2) / beta, where)


def masked_cross_entropy(logits: jax.Array, labels: jax.Array, *, where: jax.Array) -> jax.Array:
    """Mean cross entropy of the labels of the masked patches of every example (BEiT).

        loss_b = sum_n m_bn (log sum_v exp(l_bnv) - l_bn[y_bn]) / sum_n m_bn

    If all examples have the same number of masked patches, as in BEiT, the mean over examples is
    the paper's loss: the mean over all masked patches. An example without masked patches has loss
    0. Values at visible patches, NaN and labels out of range included, have no effect.

    Args:
      logits: float[B, N, V], a score for each of V labels.
      labels: int[B, N], in [0, V) at masked patches. A label out of range there makes the loss NaN,
        because a clipped one would train on a wrong label; if it is known while tracing, it is an
        error.
      where: bool[B, N], True at masked patches.

    Returns:
      [B], at least float32; log V if all scores are equal.

    Raises:
      ValueError: shapes do not fit, `where` is known to be False everywhere, or the label of a
        masked patch is known to be out of range.
      TypeError: logits are not floats, labels not integers or `where` not bool.

    BEiT, https://arxiv.org/abs/2106.08254; microsoft/unilm, beit/engine_for_pretraining.py.

    >>> hidden, labels = jnp.array([[True, True, False]]), jnp.array([[0, 3, -1]])
    >>> print(masked_cross_entropy(jnp.zeros((1, 3, 4)), labels, where=hidden).round(4))
    [1.3863]
    """
    checks.shapes(logits=(logits, "B N V"), labels=(labels, "B N"), where=(where, "B N"))
    checks.floats(logits=logits)
    checks.integers(labels=labels)
    checks.booleans(where=where)
    checks.some(where=where)
    checks.below(logits.shape[2], where=where, labels=labels)
    logits = jnp.where(where[..., None], at_least_float32(logits), 0)
    known = (labels >= 0) & (labels < logits.shape[2])
    chosen = jnp.where(known, labels, 0)[..., None]
    true = jnp.take_along_axis(logits, chosen, axis=2)[..., 0]
    values = jnp.where(known, jax.nn.logsumexp(logits, axis=2) - true, jnp.nan)
    return _mean_over_masked(jnp.where(where, values, 0)[..., None], where)


def normalize_patches(patches: jax.Array, *, outside: bool = False) -> jax.Array:
    """Standardise every patch by its own mean and unbiased variance: MAE's normalised targets.

        (x - mean(x)) / sqrt(sum((x - mean(x))^2 / (D - 1)) + 1e-6)

    Predicting zero then has the loss (D - 1) / D. A patch of one colour becomes zero.

    Args:
      patches: float[..., D], with D of at least 2.
      outside: whether 1e-6 is added to the root (VideoMAE) and not under it (MAE). They differ for
        patches with a deviation near 1e-3 and below.

    Returns:
      An array of the same shape, at least float32.

    Raises:
      ValueError: a patch has fewer than 2 values.
      TypeError: the patches are not floats.

    MAE, https://arxiv.org/abs/2111.06377; facebookresearch/mae, models_mae.py (norm_pix_loss).
    VideoMAE, https://arxiv.org/abs/2203.12602; MCG-NJU/VideoMAE, engine_for_pretraining.py.

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
    if not outside:
        return centred * jax.lax.rsqrt(variance + 1e-6)
    # The root of 0 has no gradient; a patch of one colour is 0 whatever it is divided by.
    flat = variance == 0
    return centred / (jnp.sqrt(jnp.where(flat, 1, variance)) + 1e-6)


def _masked_error(prediction: jax.Array, target: jax.Array, where: jax.Array) -> jax.Array:
    """Return prediction - sg(target), 0 at visible patches, after checking all three arguments."""
    checks.shapes(prediction=(prediction, "B N D"), target=(target, "B N D"), where=(where, "B N"))
    checks.floats(prediction=prediction, target=target)
    checks.booleans(where=where)
    checks.some(where=where)
    target = at_least_float32(jax.lax.stop_gradient(target))
    return jnp.where(where[..., None], at_least_float32(prediction) - target, 0)


def _mean_over_masked(values: jax.Array, where: jax.Array) -> jax.Array:
    """Return the mean [B] of values[B, N, D] over D and over the masked patches among N."""
    per_patch = jnp.mean(values, axis=2)
    return jnp.sum(per_patch, axis=1) / jnp.maximum(jnp.sum(where, axis=1), 1)
