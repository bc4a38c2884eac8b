"""An encoder of each step of a series by itself, such as of actions."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from flax import linen as nn

from ssljax.errors import UserError
from ssljax.models.base import Encoded, compute_dtype
from ssljax.models.initializers import bias_initializer, kernel_initializer
from ssljax.models.transformer import linear
from ssljax.schema import Dtype, Width


class StepMLP(nn.Module):
    """W_3 silu(W_2 (W_1 x)) of every step x of a series: LeWM's encoder of actions.

    Args (fields):
      width: of what W_1 gives.
      hidden: of what W_2 gives.
      out: width of the tokens and of the features, which are their mean.
      dtype: "float32" or "bfloat16" for the products; pooled features are float32.

    Maes et al. 2026, arXiv:2603.19312; lucas-maes/le-wm, module.py (Embedder), whose sizes these
    are, with weights that start as PyTorch's.
    """

    width: Width = 10
    hidden: Width = 768
    out: Width = 192
    dtype: Dtype = "float32"

    modality: ClassVar[str] = "series"
    patch: ClassVar[tuple[int, ...]] = (1,)

    def grid(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the number of steps of a series (steps, channels)."""
        if len(shape) != 2:
            raise UserError(f"step_mlp takes series [T, C], got {list(shape)}")
        return shape[:1]

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> Encoded:
        """Encode series x[B, T, C]; `tokens` are those of the steps, [B, T, out]."""
        del train  # nothing differs
        self.grid(x.shape[1:])
        dtype, init = compute_dtype(self.dtype), kernel_initializer("torch")

        def layer(x, width, name):
            return linear(width, dtype, name, init, bias_initializer("torch", x.shape[-1]))(x)

        x = layer(x.astype(dtype), self.width, "fc1")
        x = layer(nn.silu(layer(x, self.hidden, "fc2")), self.out, "fc3")
        return Encoded(jnp.mean(x, axis=1, dtype=jnp.float32), x)
