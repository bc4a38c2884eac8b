"""Gradient caching: a batch goes through an encoder in parts, one at a time in memory."""

from collections.abc import Callable

import jax
from einops import rearrange
from flax import linen as nn

from ssljax.errors import UserError
from ssljax.models.base import Encoded


def in_parts(
    encode: Callable[..., Encoded], module: nn.Module, count: int, *inputs: jax.Array | None
) -> Encoded:
    """Return encode(module, *inputs), computed in equal parts of the batch.

    The forward pass keeps the inputs and the results; the backward pass computes the activations of
    a part again, with the same random numbers, before it goes back through it (GradCache, Gao et
    al. 2021, arXiv:2101.06983). What comes after the encoder, a loss that couples the batch say,
    sees the features of all parts at once, so that the gradient is that of the whole batch.

    Args:
      encode: of a module without batch statistics, where each example is on its own.
      module: whose parameters it uses.
      count: how many parts.
      *inputs: arrays [B, ...], or None.

    Raises:
      UserError: the parts would not be equal.
    """
    batch = len(inputs[0])
    if count < 1 or batch % count:
        raise UserError(
            f"encoder.grad_cache={count} does not divide the {batch} examples that go through the "
            "encoder at once"
        )

    def one(module, _, inputs):
        return None, encode(module, *inputs)

    # A loop already keeps XLA from merging the recomputation with the forward pass.
    loop = nn.scan(
        nn.remat(one, prevent_cse=False),
        variable_broadcast="params",
        split_rngs={"params": False, "dropout": True},
    )
    # Every count-th example, so that a batch sharded over devices is cut without moving anything
    # between them.
    parts = jax.tree.map(lambda x: rearrange(x, "(b c) ... -> c b ...", c=count), inputs)
    _, encoded = loop(module, None, parts)

    def join(x, pattern):
        # An image may have several results (as with several choices of its patches).
        return None if x is None else rearrange(x, pattern, b=batch // count)

    return Encoded(
        join(encoded.pooled, "c (b r) ... -> (b c r) ..."),
        join(encoded.tokens, "c (b r) ... -> (b c r) ..."),
        join(encoded.mlp_outputs, "c l (b r) ... -> l (b c r) ..."),
        frames=jax.tree.map(lambda x: join(x, "c b ... -> (b c) ..."), encoded.frames),
    )
