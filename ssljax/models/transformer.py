"""One transformer trunk, for every kind of token."""

import functools
import operator
from collections.abc import Mapping

import jax
import jax.numpy as jnp
from einops import rearrange
from flax import linen as nn
from jax.nn.initializers import Initializer

from ssljax.errors import unknown
from ssljax.models.attention import attend
from ssljax.models.axes import LAYERS, named_init
from ssljax.models.initializers import block_initializer
from ssljax.models.positions import rotate
from ssljax.ops.placement import along_batch


@jax.checkpoint
def gelu(x: jax.Array) -> jax.Array:
    """x Phi(x), Phi the normal distribution function (Hendrycks & Gimpel 2016, arXiv:1606.08415).

    By erf, as in PyTorch: on a CPU that takes a third of the time of JAX's, which is by erfc. The
    backward pass computes it again from x, for reading and writing more arrays would take longer.
    """
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    return (wide * (jax.lax.erf(wide * 2**-0.5) + 1) / 2).astype(x.dtype)


# What the forward pass of a block keeps for the backward pass, from all to nothing; the rest is
# computed again.
REMAT_POLICIES = {
    "none": None,  # keep everything
    "dots": jax.checkpoint_policies.dots_saveable,  # all products, the scores of attention too
    "dots_no_batch": jax.checkpoint_policies.dots_with_no_batch_dims_saveable,  # with weights
    "full": jax.checkpoint_policies.nothing_saveable,
}
XAVIER = block_initializer("xavier")
# As `gelu`, the backward pass computes these again from x: a step of GPT-2-mini on a CPU takes 8 %
# less than with what XLA would keep.
ACTIVATIONS = {
    "gelu": gelu,
    "gelu_tanh": jax.checkpoint(functools.partial(jax.nn.gelu, approximate=True)),
    "gelu_quick": jax.checkpoint(lambda x: x * jax.nn.sigmoid(1.702 * x)),  # CLIP
    "swiglu": jax.nn.silu,  # of the gate
}


# The backward pass computes the normalised tokens again, rather than read what XLA would keep: four
# arrays of their size. The variance is that of the tokens less their mean: Flax's fast one is
# E[x^2] - E[x]^2, of which rounding leaves little where the mean is a thousand deviations.
LayerNorm = functools.partial(nn.remat(nn.LayerNorm), use_fast_variance=False)


class Transformer(nn.Module):
    """x + attention(norm(x)), then x + mlp(norm(x)), `depth` times, and a last norm.

    Without `norm_first` it is norm(x + attention(x)), then norm(x + mlp(x)), and no last norm.

    With `scan`, the blocks are one block in a loop, their parameters stacked on axis 0 under
    "blocks": compilation takes as long for 40 layers as for one. Without, they are "block_0",
    "block_1", ...: XLA can then optimise across layers. `stack_blocks` turns parameters of the
    second kind into the first. With `shared_layers` there is one block, "shared", in either case.

    Args (fields):
      depth: number of blocks.
      heads: attention heads; they divide the width, which is that of the tokens.
      mlp_ratio: hidden width of the MLP in widths.
      activation: "gelu" (exact), "gelu_tanh", "gelu_quick" (x sigmoid(1.702 x)) or "swiglu"
        (silu(gate) * value; the hidden width is then two thirds of mlp_ratio widths, rounded up to
        a multiple of 8, which keeps the parameter count).
      norm_first: whether a norm comes before each branch (pre-norm) or after each sum (post-norm:
        BERT).
      shared_layers: whether all blocks have the same parameters (ALBERT; Lan et al. 2019,
        arXiv:1909.11942).
      dropout: probability of setting an entry of what a branch adds to 0.
      attention_dropout: likewise of a weight of attention, see `ssljax.models.attention.attend`.
      drop_path: probability of skipping a branch for an example, rising linearly from 0 in the
        first block to this in the last (Huang et al. 2016, arXiv:1603.09382).
      drop_path_uniform: whether it is the same in all blocks instead (DINOv2).
      layer_scale: initial value of a per-channel factor on each branch; 0 for none (Touvron et al.
        2021, arXiv:2103.17239).
      qkv_bias: whether the maps to queries, keys and values have a bias.
      qk_norm: LayerNorm of queries and keys per head (Dehghani et al. 2023, arXiv:2302.05442).
      norm_epsilon: of every LayerNorm.
      kernel_init: how kernels start, a name of `ssljax.models.initializers.BLOCKS`.
      causal: whether a token sees only itself and those before it.
      attention: the kernel, see `ssljax.models.attention.attend`.
      scan: see above.
      remat: what the backward pass computes again instead of keeping: "none"; "dots": all of a
        block but its products; "dots_no_batch": all but its products with weights; "full": all.
      last_norm: whether there is the last norm.
      dtype: of products and activations. Softmax and LayerNorm statistics are float32.
    """

    depth: int
    heads: int
    mlp_ratio: float = 4.0
    activation: str = "gelu"
    norm_first: bool = True
    shared_layers: bool = False
    dropout: float = 0.0
    attention_dropout: float = 0.0
    drop_path: float = 0.0
    drop_path_uniform: bool = False
    layer_scale: float = 0.0
    qkv_bias: bool = True
    qk_norm: bool = False
    norm_epsilon: float = 1e-6
    kernel_init: str = "xavier"
    causal: bool = False
    attention: str = "auto"
    scan: bool = True
    remat: str = "none"
    last_norm: bool = True
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(
        self,
        tokens: jax.Array,
        *,
        train: bool,
        mlp_outputs: bool = False,
        layers: bool = False,
        segments: jax.Array | None = None,
        angles: jax.Array | None = None,
    ) -> jax.Array | tuple[jax.Array, jax.Array]:
        """Map tokens[B, N, D] to tokens of the same shape.

        Args:
          tokens: of any number.
          train: whether drop-path and dropout act.
          mlp_outputs: whether to return also, as [depth, B, N, D], what the MLP of every block adds
            (data2vec's targets).
          layers: whether to return also, as [depth, B, N, D], the tokens after every block, each
            through the last norm (DINO's get_intermediate_layers); not both.
          segments: int32[B, N]; a token sees those of its own segment. None: it sees all.
          angles: float[1 or B, N, D / heads / 2], by which queries and keys are turned.
        """
        if self.remat not in REMAT_POLICIES:
            raise unknown("remat", self.remat, REMAT_POLICIES)
        kernel_init = block_initializer(self.kernel_init)
        block = Block
        if self.remat != "none":
            # A loop already keeps XLA from merging the recomputation with the forward pass.
            block = nn.remat(Block, policy=REMAT_POLICIES[self.remat], prevent_cse=not self.scan)
        block = functools.partial(
            block,
            heads=self.heads,
            mlp_ratio=self.mlp_ratio,
            activation=self.activation,
            norm_first=self.norm_first,
            dropout=self.dropout if train else 0.0,
            attention_dropout=self.attention_dropout if train else 0.0,
            layer_scale=self.layer_scale,
            qkv_bias=self.qkv_bias,
            qk_norm=self.qk_norm,
            norm_epsilon=self.norm_epsilon,
            kernel_init=kernel_init,
            causal=self.causal,
            kernel=self.attention,
            dtype=self.dtype,
            returned="mlp" if mlp_outputs else "tokens" if layers else "",
        )
        rates = numbers = None
        if train and self.drop_path > 0:
            lowest = self.drop_path if self.drop_path_uniform else 0
            rates = jnp.linspace(lowest, self.drop_path, self.depth)
        if self.is_initializing() and self.kernel_init.endswith("_by_depth"):
            numbers = jnp.arange(1, self.depth + 1)
        if self.is_initializing() and self.kernel_init.endswith("_by_whole_depth"):
            numbers = jnp.full(self.depth, self.depth)
        run = self._scanned if self.scan else self._unrolled
        tokens, added = run(
            block,
            tokens,
            {"rate": rates, "number": numbers},
            {"segments": segments, "angles": angles},
        )
        if self.last_norm and self.norm_first:
            norm = LayerNorm(self.norm_epsilon, dtype=self.dtype, name="norm")
            tokens, added = norm(tokens), norm(added) if layers else added
        return (tokens, added) if mlp_outputs or layers else tokens

    def _scanned(self, block: functools.partial, tokens: jax.Array, each: Mapping, shared: Mapping):
        own = not self.shared_layers
        stack = nn.scan(
            block.func,
            variable_axes={"params": 0} if own else {},
            variable_broadcast=False if own else "params",
            split_rngs={"params": own, "dropout": True},
            in_axes=(0, nn.broadcast),
            length=self.depth,
            metadata_params={nn.PARTITION_NAME: LAYERS},
        )
        if self.dtype != jnp.float32 and not self.is_initializing():
            # Before the loop: a kernel that is cast within it is kept for the backward pass in the
            # lower precision as well, and its gradient is stacked in the higher one.
            cast = functools.partial(_cast_kernels, dtype=self.dtype)
            stack = nn.map_variables(stack, "params", trans_in_fn=cast)
        name = "blocks" if own else "shared"
        return stack(**block.keywords, name=name)(tokens, each, shared)

    def _unrolled(
        self, block: functools.partial, tokens: jax.Array, each: Mapping, shared: Mapping
    ):
        added, same = [], block(name="shared") if self.shared_layers else None
        for i in range(self.depth):
            own = jax.tree.map(operator.itemgetter(i), each)
            tokens, branch = (same or block(name=f"block_{i}"))(tokens, own, shared)
            added.append(branch)
        return tokens, jnp.stack(added) if block.keywords["returned"] else None


class Block(nn.Module):
    """One layer of the trunk; the fields are those of `Transformer`, and what to return besides:
    "mlp", what the MLP adds, "tokens", or ""."""

    heads: int
    mlp_ratio: float
    activation: str
    norm_first: bool
    dropout: float
    attention_dropout: float
    layer_scale: float
    qkv_bias: bool
    qk_norm: bool
    norm_epsilon: float
    kernel_init: Initializer
    causal: bool
    kernel: str
    dtype: jnp.dtype
    returned: str

    @nn.compact
    def __call__(
        self, x: jax.Array, each: Mapping, shared: Mapping
    ) -> tuple[jax.Array, jax.Array | None]:
        """Return (x, what is returned besides), the pair a scan wants.

        Args:
          x: tokens.
          each: what differs between blocks, None where nothing depends on it: "rate" of drop-path,
            "number" by which the last kernels of the branches are made smaller.
          shared: what attention takes by name, the same for all blocks.
        """
        norm = functools.partial(LayerNorm, self.norm_epsilon, dtype=self.dtype)
        x = along_batch(x)
        inits = self.kernel_init, _divided(self.kernel_init, each["number"])
        attention = Attention(
            self.heads,
            self.qk_norm,
            self.norm_epsilon,
            self.dtype,
            *inits,
            causal=self.causal,
            kernel=self.kernel,
            qkv_bias=self.qkv_bias,
            dropout=self.attention_dropout,
            name="attention",
        )
        mlp = MLP(self.mlp_ratio, self.activation, self.dtype, *inits, name="mlp")
        for branch, i in ((functools.partial(attention, **shared), 1), (mlp, 2)):
            own_norm = norm(name=f"norm{i}")
            y = branch(own_norm(x) if self.norm_first else x)
            if self.dropout:
                y = nn.Dropout(self.dropout, deterministic=False)(y)
            if self.layer_scale:
                y = LayerScale(self.layer_scale, name=f"scale{i}")(y)
            x = x + self._drop_path(y, each["rate"])
            x = x if self.norm_first else own_norm(x)
        return x, {"mlp": y, "tokens": x, "": None}[self.returned]

    def _drop_path(self, y: jax.Array, rate: jax.Array | None) -> jax.Array:
        if rate is None:
            return y
        kept = jax.random.bernoulli(self.make_rng("dropout"), 1 - rate, (y.shape[0], 1, 1))
        return y * (kept / (1 - rate)).astype(y.dtype)


class Attention(nn.Module):
    """softmax(q k' / sqrt(d)) v over heads of width d, between linear maps.

    Queries, keys and values have a kernel each, so that Xavier's initialisation sees their true
    fan-out (as in MoCo v3; the official MAE initialises the fused kernel) and each is sharded on
    its own. Vaswani et al. 2017, arXiv:1706.03762.
    """

    heads: int
    qk_norm: bool
    norm_epsilon: float
    dtype: jnp.dtype
    kernel_init: Initializer = XAVIER
    last_init: Initializer = XAVIER
    causal: bool = False
    kernel: str = "xla"
    qkv_bias: bool = True
    dropout: float = 0.0

    @nn.compact
    def __call__(
        self, x: jax.Array, segments: jax.Array | None = None, angles: jax.Array | None = None
    ) -> jax.Array:
        width = x.shape[-1]
        if width % self.heads:
            raise ValueError(f"heads must divide the width {width}, got {self.heads}")
        dense = functools.partial(linear, width, self.dtype)
        q, k, v = (
            rearrange(
                dense(name, self.kernel_init, axes=("embed", "heads"), use_bias=self.qkv_bias)(x),
                "b n (h d) -> b h n d",
                h=self.heads,
            )
            for name in ("query", "key", "value")
        )
        if self.qk_norm:
            norm = functools.partial(LayerNorm, self.norm_epsilon, dtype=self.dtype)
            q, k = norm(name="query_norm")(q), norm(name="key_norm")(k)
        if angles is not None:
            q, k = rotate(q, angles), rotate(k, angles)
        options = {}
        if self.dropout:
            options = {"dropout": self.dropout, "dropout_key": self.make_rng("dropout")}
        y = attend(q, k, v, segments=segments, causal=self.causal, kernel=self.kernel, **options)
        y = rearrange(y, "b h n d -> b n (h d)")
        return dense("out", self.last_init, axes=("heads", "embed"))(y)


class MLP(nn.Module):
    """Two linear maps with an activation between them, or a gated pair for "swiglu"."""

    ratio: float
    activation: str
    dtype: jnp.dtype
    kernel_init: Initializer
    last_init: Initializer

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        if self.activation not in ACTIVATIONS:
            raise unknown("activation", self.activation, ACTIVATIONS)
        activation, width = ACTIVATIONS[self.activation], x.shape[-1]
        hidden = int(width * self.ratio)
        gated = self.activation == "swiglu"
        if gated:
            hidden = -(-int(hidden * 2 / 3) // 8) * 8

        def first(name):
            return linear(hidden, self.dtype, name, self.kernel_init, axes=("embed", "mlp"))(x)

        y = activation(first("gate")) * first("fc1") if gated else activation(first("fc1"))
        return linear(width, self.dtype, "fc2", self.last_init, axes=("mlp", "embed"))(y)


class LayerScale(nn.Module):
    """A learned factor for each channel."""

    initial: float

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        gamma = self.param("gamma", nn.initializers.constant(self.initial), x.shape[-1:])
        return x * gamma.astype(x.dtype)


def _cast_kernels(params: Mapping, *, dtype: jnp.dtype) -> Mapping:
    """Return parameters with those of linear maps in `dtype`, as these would cast them."""
    if "kernel" in params:
        return {name: leaf.astype(dtype) for name, leaf in params.items()}
    return {
        name: _cast_kernels(tree, dtype=dtype) if isinstance(tree, Mapping) else tree
        for name, tree in params.items()
    }


def _divided(init: Initializer, number: jax.Array | None) -> Initializer:
    if number is None:
        return init
    return lambda *args: init(*args) * jax.lax.rsqrt(2.0 * number)


def linear(
    width: int,
    dtype: jnp.dtype,
    name: str,
    kernel_init: Initializer = XAVIER,
    bias_init: Initializer = nn.initializers.zeros,
    axes: tuple[str | None, str | None] = (None, None),
    use_bias: bool = True,
) -> nn.Dense:
    """Return a linear map of tokens; `axes` names its inputs and outputs, see `models.axes`."""
    inits = {
        "kernel_init": named_init(kernel_init, *axes),
        "bias_init": named_init(bias_init, axes[1]),
    }
    options = {"use_bias": use_bias, "dot_general": _row_product}
    return nn.Dense(width, dtype=dtype, name=name, **options, **inits)


def _row_product(x: jax.Array, kernel: jax.Array, _: tuple, **options) -> jax.Array:
    """Multiply x[..., D] by kernel[D, E], as one product of matrices.

    The product of a three-dimensional x is the same, but XLA's CPU compiler transposes copies of
    both factors for the gradient of its kernel: 1.1 times the whole training step.
    """
    y = jax.lax.dot(rearrange(x, "b n d -> (b n) d"), kernel, **options)
    return rearrange(y, "(b n) e -> b n e", b=len(x))


def stack_blocks(params: dict) -> dict:
    """Turn the parameters of an unrolled `Transformer` into those of a scanned one."""
    depth = sum(name.startswith("block_") for name in params)
    if not depth:  # all share one
        return params
    blocks = [params[f"block_{i}"] for i in range(depth)]
    rest = {name: tree for name, tree in params.items() if not name.startswith("block_")}
    return {**rest, "blocks": jax.tree.map(lambda *leaves: jnp.stack(leaves), *blocks)}
