"""The small networks behind an encoder: projectors, predictors, prototypes."""

import functools

import jax
import jax.numpy as jnp
from flax import linen as nn

from ssljax.errors import unknown
from ssljax.models.axes import named_init
from ssljax.models.base import compute_dtype
from ssljax.models.initializers import bias_initializer, kernel_initializer, token_initializer
from ssljax.models.normalization import BatchNorm
from ssljax.models.transformer import gelu
from ssljax.ops.normalize import l2_normalize

# What follows the last linear layer: nothing, or a BatchNorm with (scale, bias).
OUTPUT_NORMS = {
    "none": None,
    "plain": (False, False),
    "scale": (True, False),
    "affine": (True, True),
}
ACTIVATIONS = {"relu": nn.relu, "gelu": gelu}


class MLP(nn.Module):
    """linear, BatchNorm, activation for each hidden layer, then a linear layer.

    | head | fields beyond `hidden` and `out` |
    |---|---|
    | SimCLR projector (2048 -> 2048, 128) | output_norm="scale", output_bias=False |
    | MoCo v2 projector (2048 -> 128) | norm=False |
    | BYOL projector and predictor (4096 -> 256) | output_bias=False |
    | SimSiam, MoCo v3 projector | output_norm="plain", output_bias=False |
    | DeepCluster-v2, SwAV projector (2048 -> 128) | none |
    | MSN projector (2048, 2048 -> 256) | activation="gelu" |

    A linear layer right before a BatchNorm with bias has no bias of its own: the two are one degree
    of freedom (BYOL's and SwAV's code have both, to the same function).

    Args (fields):
      hidden: width of each hidden layer; () is a single linear layer.
      out: width of the output.
      norm: whether hidden layers have a BatchNorm.
      activation: "relu" or "gelu".
      output_norm: "none", "plain" (no parameters), "scale" (no bias) or "affine", after the last
        layer.
      output_bias: whether the last linear layer has a bias.
      bn_groups, bn_momentum: of every BatchNorm.
      linear_init: how the linear layers start, a name of `ssljax.models.initializers.KERNELS`.
      output_axis: what the outputs are, if the last layer may be cut by them: a name of
        `ssljax.training.logical_axes`.
      dtype: "float32" or "bfloat16" for the products; the output is float32.
    """

    hidden: tuple[int, ...]
    out: int
    norm: bool = True
    activation: str = "relu"
    output_norm: str = "none"
    output_bias: bool = True
    bn_groups: int = 1
    bn_momentum: float = 0.9
    linear_init: str = "lecun"
    output_axis: str | None = None
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool, present: jax.Array | None = None) -> jax.Array:
        """Map x[B, D] to float32[B, out]; `present`, bool[B]: of which a BatchNorm's statistics
        are."""
        if self.output_norm not in OUTPUT_NORMS:
            raise unknown("output_norm", self.output_norm, OUTPUT_NORMS)
        if self.activation not in ACTIVATIONS:
            raise unknown("activation", self.activation, ACTIVATIONS)
        norms = {"groups": self.bn_groups, "momentum": self.bn_momentum}
        for i, width in enumerate(self.hidden):
            x = self._linear(x, width, not self.norm, f"linear_{i}", None)
            if self.norm:
                x = BatchNorm(**norms, name=f"norm_{i}")(x, train=train, present=present)
            x = ACTIVATIONS[self.activation](x)
        x = self._linear(x, self.out, self.output_bias, "output", self.output_axis)
        x = x.astype(jnp.float32)
        if affine := OUTPUT_NORMS[self.output_norm]:
            scale, bias = affine
            x = BatchNorm(**norms, use_scale=scale, use_bias=bias, name="output_norm")(
                x, train=train, present=present
            )
        return x

    def _linear(
        self, x: jax.Array, width: int, use_bias: bool, name: str, axis: str | None
    ) -> jax.Array:
        return nn.Dense(
            width,
            use_bias=use_bias,
            dtype=compute_dtype(self.dtype),
            kernel_init=named_init(kernel_initializer(self.linear_init), None, axis),
            bias_init=named_init(bias_initializer(self.linear_init, x.shape[-1]), axis),
            name=name,
        )(x)


class LinearHead(nn.Module):
    """A linear map of features or tokens, perhaps with a norm before it.

    Args (fields):
      out: width of the output.
      norm: "none" or "batch" (BatchNorm without parameters, MAE's linear probe).
      std: standard deviation of the kernel at the start; the bias starts at 0.
      dropout: share of the input that is set to 0 in training.
      dtype: "float32" or "bfloat16" for the product; the output is float32.
    """

    out: int
    norm: str = "none"
    std: float = 0.01
    dropout: float = 0.0
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
        """Map x[..., D] to float32[..., out]."""
        dtype = compute_dtype(self.dtype)
        if self.norm == "batch":
            norm = BatchNorm(epsilon=1e-6, use_scale=False, use_bias=False, name="norm")
            x = norm(x, train=train)
        elif self.norm != "none":
            raise unknown("head_norm", self.norm, ("none", "batch"))
        x = nn.Dropout(self.dropout, deterministic=not train)(x)
        # Classes are cut over "tensor" as the ids of a vocabulary are.
        kernel_init = named_init(nn.initializers.normal(self.std), None, "vocab")
        bias_init = named_init(nn.initializers.zeros, "vocab")
        inits = {"kernel_init": kernel_init, "bias_init": bias_init}
        return nn.Dense(self.out, dtype=dtype, name="output", **inits)(x).astype(jnp.float32)


class DINOHead(nn.Module):
    """An MLP with GELU, a narrow linear layer, and the cosines to a number of prototypes.

    Prototypes are stored as they are trained and scaled to unit length when used: a linear layer
    under weight normalisation with its g fixed at 1 (`norm_last_layer` of the official code). So
    the logits lie in [-1, 1]. With `learned_lengths` g is trained, from 1, and a prototype's logits
    lie in [-g, g].

    Args (fields):
      hidden: width of each hidden layer.
      out: number of prototypes.
      bottleneck: width of the vectors that are compared with the prototypes.
      learned_lengths: whether prototypes have a length that is trained.
      dtype: "float32" or "bfloat16" for the products; the output is float32.

    Caron et al. 2021, arXiv:2104.14294; facebookresearch/dino, vision_transformer.py (DINOHead).
    """

    hidden: tuple[int, ...] = (2048, 2048)
    out: int = 65536
    bottleneck: int = 256
    learned_lengths: bool = False
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Map x[..., D], features or tokens, to float32[..., out]."""
        dtype = compute_dtype(self.dtype)
        linear = functools.partial(nn.Dense, dtype=dtype, kernel_init=kernel_initializer("normal"))
        for i, width in enumerate(self.hidden):
            x = gelu(linear(width, name=f"linear_{i}")(x))
        x = linear(self.bottleneck, name="bottleneck")(x)
        # The scale to start from decides how fast they turn: that of PyTorch's linear layers.
        init = named_init(kernel_initializer("torch"), None, "prototypes")
        prototypes = self.param("prototypes", init, (self.bottleneck, self.out))
        cosines = jnp.einsum(
            "...d,dk->...k",
            l2_normalize(x).astype(dtype),
            l2_normalize(prototypes, axis=0).astype(dtype),
            preferred_element_type=jnp.float32,
        )
        if not self.learned_lengths:
            return cosines
        return cosines * self.param("prototypes_length", nn.initializers.ones, (self.out,))


class BilinearForm(nn.Module):
    """Both sides of the similarity x W y of projections, x = tanh(LayerNorm(z)): COLA's.

    `net.NAME(z)` returns (x W, x), each float32[B, D]: the similarity of an anchor and a positive
    is the product of the first of one and the second of the other. W starts with the standard
    deviation of Keras' random_normal, .05.

    Saeed, Grangier and Zeghidour 2020, arXiv:2010.10915; google-research/google-research,
    cola/network.py.
    """

    @nn.compact
    def __call__(self, z: jax.Array) -> tuple[jax.Array, jax.Array]:
        x = nn.tanh(nn.LayerNorm(1e-3, name="norm")(z.astype(jnp.float32)))
        init = nn.initializers.normal(0.05)
        mapped = nn.Dense(x.shape[-1], use_bias=False, kernel_init=init, name="form")(x)
        return mapped, x


class SquareForm(nn.Module):
    """x W with a square matrix W, which starts uniform between 0 and 1 (CURL).

    Laskin et al. 2020, arXiv:2004.04136; MishaLaskin/curl, curl_sac.py, line 198.
    """

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool = False) -> jax.Array:
        del train  # nothing differs
        init = nn.initializers.uniform(1.0)
        matrix = self.param("matrix", init, (x.shape[-1], x.shape[-1]))
        return x.astype(jnp.float32) @ matrix


class MaskToken(nn.Module):
    """A learned vector that stands for what is hidden; `net.mask_token()` returns it, [width].

    Args (fields):
      width: that of the tokens.
      init: how it starts, a name of `ssljax.models.initializers.TOKENS`.
    """

    width: int
    init: str = "zeros"

    @nn.compact
    def __call__(self) -> jax.Array:
        return self.param("token", token_initializer(self.init), (self.width,))


class UnitVectors(nn.Module):
    """A learned vector for each unit, uniform in [0, 1) at the start; `net.NAME()` returns them.

    Args (fields):
      count: number of units.
      width: of the vectors.
    """

    count: int
    width: int

    @nn.compact
    def __call__(self) -> jax.Array:
        return self.param("rows", nn.initializers.uniform(1.0), (self.count, self.width))


class Scalar(nn.Module):
    """A learned number; `net.NAME()` returns it, [].

    Args (fields):
      start: its value at the start.
    """

    start: float

    @nn.compact
    def __call__(self) -> jax.Array:
        return self.param("value", nn.initializers.constant(self.start), ())


class Prototypes(nn.Module):
    """Vectors to compare features with; `net.prototypes()` returns them, [count, width].

    Args (fields):
      count: number of prototypes.
      width: size of each.
      init: "sphere", random unit vectors (SwAV), or "uniform" within 1 / sqrt(width) (MSN).
    """

    count: int
    width: int
    init: str = "sphere"

    @nn.compact
    def __call__(self) -> jax.Array:
        init = named_init(PROTOTYPES[self.init], "prototypes")
        return self.param("rows", init, (self.count, self.width))


PROTOTYPES = {
    "sphere": lambda *args: l2_normalize(jax.random.normal(*args)),
    "uniform": lambda key, shape: jax.random.uniform(
        key, shape, minval=-(shape[1] ** -0.5), maxval=shape[1] ** -0.5
    ),
}
