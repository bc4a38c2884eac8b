"""The small networks behind an encoder: projectors and predictors."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from ssljax.errors import unknown
from ssljax.models.base import compute_dtype
from ssljax.models.normalization import BatchNorm

# What follows the last linear layer: nothing, or a BatchNorm with (scale, bias).
OUTPUT_NORMS = {
    "none": None,
    "plain": (False, False),
    "scale": (True, False),
    "affine": (True, True),
}


class MLP(nn.Module):
    """linear, BatchNorm, relu for each hidden layer, then a linear layer.

    | head | fields beyond `hidden` and `out` |
    |---|---|
    | SimCLR projector (2048 -> 2048, 128) | output_norm="scale", output_bias=False |
    | MoCo v2 projector (2048 -> 128) | norm=False |
    | BYOL projector and predictor (4096 -> 256) | output_bias=False |
    | SimSiam, MoCo v3 projector | output_norm="plain", output_bias=False |
    | DeepCluster-v2, SwAV projector (2048 -> 128) | none |

    A linear layer right before a BatchNorm with bias has no bias of its own: the two are one degree
    of freedom (BYOL's and SwAV's code have both, to the same function).

    Args (fields):
      hidden: width of each hidden layer; () is a single linear layer.
      out: width of the output.
      norm: whether hidden layers have a BatchNorm.
      output_norm: "none", "plain" (no parameters), "scale" (no bias) or "affine", after the last
        layer.
      output_bias: whether the last linear layer has a bias.
      bn_groups, bn_momentum: of every BatchNorm.
      dtype: "float32" or "bfloat16" for the products; the output is float32.
    """

    hidden: tuple[int, ...]
    out: int
    norm: bool = True
    output_norm: str = "none"
    output_bias: bool = True
    bn_groups: int = 1
    bn_momentum: float = 0.9
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
        """Map x[B, D] to float32[B, out]."""
        if self.output_norm not in OUTPUT_NORMS:
            raise unknown("output_norm", self.output_norm, OUTPUT_NORMS)
        dtype = compute_dtype(self.dtype)
        norms = {"groups": self.bn_groups, "momentum": self.bn_momentum}
        for i, width in enumerate(self.hidden):
            x = nn.Dense(width, use_bias=not self.norm, dtype=dtype, name=f"linear_{i}")(x)
            if self.norm:
                x = BatchNorm(**norms, name=f"norm_{i}")(x, train=train)
            x = nn.relu(x)
        x = nn.Dense(self.out, use_bias=self.output_bias, dtype=dtype, name="output")(x)
        x = x.astype(jnp.float32)
        if affine := OUTPUT_NORMS[self.output_norm]:
            scale, bias = affine
            x = BatchNorm(**norms, use_scale=scale, use_bias=bias, name="output_norm")(
                x, train=train
            )
        return x
