"""Losses of image-text pairs: distinguish matching pairs from all other pairs."""

import functools

import jax
import jax.numpy as jnp

from ssljax.losses import checks
from ssljax.losses.blockwise import over_pairs, product, sum_over
from ssljax.losses.logsumexp import cross_logsumexp
from ssljax.ops.normalize import l2_normalize


def clip(
    image: jax.Array,
    text: jax.Array,
    *,
    temperature: float | jax.Array,
    block: int = 0,
    present: jax.Array | None = None,
) -> jax.Array:
    """CLIP's loss: in the batch, find the text of each image and the image of each text.

    With i and t scaled to unit length and s_bc = i_b.t_c / temperature,

        loss_b = (log sum_c exp s_bc + log sum_c exp s_cb) / 2 - s_bb

    The mean over b is the paper's mean of two cross entropies. The loss couples the batch: pass the
    global batch. With `block`, the B x B logits are never in memory together, see
    `ssljax.losses.blockwise.over_pairs`, and only reverse mode works.

    Args:
      image: float[B, D], the projections of the images, B at least 2.
      text: float[B, D], the projections of their texts, in the same order.
      temperature: a positive number or a scalar array, which then gets a gradient. The paper trains
        log(1 / temperature); 1 / temperature starts at 1 / 0.07 and is at most 100.
      block: largest number of rows and columns of logits in memory at a time; 0 for B.
      present: bool[B], which rows are pairs; the others count nowhere, and their loss is 0. None:
        all.

    Returns:
      [B], at least float32; log(B) if all similarities are equal.

    Raises:
      ValueError: the shapes differ or are not [B, D], B is 1, the temperature is not positive, or
        block is negative.
      TypeError: the projections are not floats.

    CLIP, https://arxiv.org/abs/2103.00020, figure 3; mlfoundations/open_clip, loss.py.

    >>> print(clip(jnp.eye(3), jnp.eye(3), temperature=1.0).round(3))  # log(1 + 2 / e)
    [0.551 0.551 0.551]
    """
    image, text = _checked(image, text, temperature, block)
    checks.several(image=image)
    one, two = _without_absent(image, text, present)
    if block:
        of_image, of_text = cross_logsumexp(one, two, True, block)
    else:
        logits = product(one, two)
        of_image, of_text = (jax.nn.logsumexp(logits, axis=axis) for axis in (1, 0))
    loss = (of_image + of_text) / 2 - jnp.sum(image * text, axis=1)
    return loss if present is None else jnp.where(present, loss, 0.0)


def siglip(
    image: jax.Array,
    text: jax.Array,
    *,
    temperature: float | jax.Array,
    bias: float | jax.Array,
    block: int = 0,
    present: jax.Array | None = None,
) -> jax.Array:
    """SigLIP's loss: for every pair of an image and a text, predict whether they match.

    With i and t scaled to unit length and s_bc = i_b.t_c / temperature + bias,

        loss_b = sum_c log(1 + exp(-y_bc s_bc)),  y_bc = 1 where b = c and -1 elsewhere

    The mean over b is the paper's loss: the sum over pairs, divided by B and not by its square.
    Pass the global batch. With `block`, the B x B logits are never in memory together, see
    `ssljax.losses.blockwise.over_pairs`, and only reverse mode works.

    Args:
      image: float[B, D], the projections of the images.
      text: float[B, D], the projections of their texts, in the same order.
      temperature: a positive number or a scalar array, which then gets a gradient. The paper trains
        log(1 / temperature); 1 / temperature starts at 10.
      bias: a number or a scalar array, which then gets a gradient. The paper starts at -10, because
        only one of B pairs matches: from 0, the first steps would only push all pairs apart.
      block: largest number of rows and columns of logits in memory at a time; 0 for B.
      present: as of `clip`.

    Returns:
      [B], at least float32; log(1 + exp(-bias)) + (B - 1) log(1 + exp(bias)) where image and text
      are orthogonal.

    Raises:
      ValueError: the shapes differ or are not [B, D], the temperature is not positive, the bias is
        no scalar, or block is negative.
      TypeError: the projections are not floats.

    SigLIP, https://arxiv.org/abs/2303.15343, algorithm 1; google-research/big_vision,
    trainers/proj/image_text/siglip.py.

    >>> print(siglip(jnp.eye(3), jnp.eye(3), temperature=0.1, bias=-10.0).round(3))  # log 2 + ...
    [0.693 0.693 0.693]
    """
    image, text = _checked(image, text, temperature, block)
    checks.scalars(bias=bias)
    bias = jnp.asarray(bias, image.dtype)
    # log(1 + e^-s) = log(1 + e^s) - s: sum over all pairs as if none matched, then subtract the
    # logits of the matching pairs.
    one, two = _without_absent(image, text, present)
    if block:
        total = _softplus_sum(one, two, jnp.broadcast_to(bias, len(image)), block)
    else:
        total = jnp.sum(jax.nn.softplus(product(one, two) + bias), axis=1)
    loss = total - jnp.sum(image * text, axis=1) - bias
    return loss if present is None else jnp.where(present, loss, 0.0)


def _checked(image, text, temperature, block):
    """Return both scaled to unit length, the image divided by the temperature."""
    checks.shapes(image=(image, "B D"), text=(text, "B D"))
    checks.floats(image=image, text=text)
    checks.positive(temperature=temperature)
    checks.not_negative(block=block)
    return l2_normalize(image) / temperature, l2_normalize(text)


_ABSENT = -1e9  # a logit of which the exponential is 0, and which is finite


def _without_absent(image, text, present):
    """Return what gives the logits, those of absent rows and columns about -1e9.

    Two more dimensions, (x, 1) . (1, y) = x + y, add to every logit what its row and its column
    ask for, so that the products need no mask, in blocks or not.
    """
    if present is None:
        return image, text
    checks.shapes(image=(image, "B D"), present=(present, "B"))
    off = jnp.where(present, 0.0, _ABSENT).astype(image.dtype)[:, None]
    one = jnp.ones_like(off)
    return jnp.concatenate([image, off, one], axis=1), jnp.concatenate([text, one, off], axis=1)


# The bias is given per row: in a ring each device then has the gradient of its own rows.


@functools.partial(jax.custom_vjp, nondiff_argnums=(3,))
def _softplus_sum(rows, columns, bias, block):
    """Return sum_j log(1 + exp(rows_i . columns_j + bias_i)), [B]."""
    return _softplus_forward(rows, columns, bias, block)[0]


def _softplus_forward(rows, columns, bias, block):
    def add(rows, columns, total, _):
        logits = product(rows["x"], columns) + rows["bias"][:, None]
        return total + jnp.sum(jax.nn.softplus(logits), axis=1), ()

    both = {"x": rows[None], "bias": bias[None]}
    total, _ = over_pairs(add, both, columns[None], jnp.zeros_like(both["bias"]), (), block=block)
    return total[0], (both, columns[None])


def _softplus_backward(block, saved, cotangent):
    rows, columns = saved

    def add(rows, columns, row_gradient, column_gradient):
        logits = product(rows["x"], columns) + rows["bias"][:, None]
        weights = rows["cotangent"][:, None] * jax.nn.sigmoid(logits)
        of_rows, of_bias = row_gradient
        row_gradient = of_rows + sum_over(weights, columns), of_bias + jnp.sum(weights, axis=1)
        return row_gradient, column_gradient + sum_over(weights.T, rows["x"])

    zeros = jax.tree.map(jnp.zeros_like, ((rows["x"], rows["bias"]), columns))
    rows = {**rows, "cotangent": cotangent[None]}
    (of_rows, of_bias), of_columns = over_pairs(add, rows, columns, *zeros, block=block)
    return of_rows[0], of_columns[0], of_bias[0]


_softplus_sum.defvjp(_softplus_forward, _softplus_backward)
