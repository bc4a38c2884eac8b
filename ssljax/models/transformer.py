"""One pre-norm transformer trunk, for every kind of token."""

import functools
from collections.abc import Mapping

import jax
import jax.numpy as jnp
from einops import rearrange
from flax import linen as nn

from ssljax.errors import unknown
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
ACTIVATIONS = {
    "gelu": gelu,
    "gelu_tanh": functools.partial(jax.nn.gelu, approximate=True),
    "swiglu": jax.nn.silu,  # of the gate
}


# The backward pass computes the normalised tokens again, rather than read what XLA would keep: four
# arrays of their size.
LayerNorm = nn.remat(nn.LayerNorm)


class Transformer(nn.Module):
    """x + attention(norm(x)), then x + mlp(norm(x)), `depth` times, and a last norm.

    With `scan`, the blocks are one block in a loop, their parameters stacked on axis 0 under
    "blocks": compilation takes as long for 40 layers as for one. Without, they are "block_0",
    "block_1", ...: XLA can then optimise across layers. `stack_blocks` turns parameters of the
    second kind into the first.

    Args (fields):
      depth: number of blocks.
      heads: attention heads; they divide the width, which is that of the tokens.
      mlp_ratio: hidden width of the MLP in widths.
      activation: "gelu" (exact), "gelu_tanh" or "swiglu" (silu(gate) * value; the hidden width is
        then two thirds of mlp_ratio widths, rounded up to a multiple of 8, which keeps the
        parameter count).
      drop_path: probability of skipping a branch for an example, rising linearly from 0 in the
        first block to this in the last (Huang et al. 2016, arXiv:1603.09382).
      layer_scale: initial value of a per-channel factor on each branch; 0 for none (Touvron et al.
        2021, arXiv:2103.17239).
      qk_norm: LayerNorm of queries and keys per head (Dehghani et al. 2023, arXiv:2302.05442).
      norm_epsilon: of every LayerNorm.
      scan: see above.
      remat: what the backward pass computes again instead of keeping: "none"; "dots": all of a
        block but its products; "dots_no_batch": all but its products with weights; "full": all.
      dtype: of products and activations. Softmax and LayerNorm statistics are float32.
    """

    depth: int
    heads: int
    mlp_ratio: float = 4.0
    activation: str = "gelu"
    drop_path: float = 0.0
    layer_scale: float = 0.0
    qk_norm: bool = False
    norm_epsilon: float = 1e-6
    scan: bool = True
    remat: str = "none"
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(
        self, tokens: jax.Array, *, train: bool, branches: bool = False
    ) -> jax.Array | tuple[jax.Array, jax.Array]:
        """Map tokens[B, N, D] to tokens of the same shape.

        Args:
          tokens: of any number.
          train: whether drop-path acts.
          branches: whether to return also, as [depth, B, N, D], what the MLP of every block adds
            (data2vec's targets).
        """
        if self.remat not in REMAT_POLICIES:
            raise unknown("remat", self.remat, REMAT_POLICIES)
        block = Block
        if self.remat != "none":
            # A loop already keeps XLA from merging the recomputation with the forward pass.
            block = nn.remat(Block, policy=REMAT_POLICIES[self.remat], prevent_cse=not self.scan)
        block = functools.partial(
            block,
            heads=self.heads,
            mlp_ratio=self.mlp_ratio,
            activation=self.activation,
            layer_scale=self.layer_scale,
            qk_norm=self.qk_norm,
            norm_epsilon=self.norm_epsilon,
            dtype=self.dtype,
            return_branch=branches,
        )
        rates = None
        if train and self.drop_path > 0:
            rates = jnp.linspace(0, self.drop_path, self.depth)
        run = self._scanned if self.scan else self._unrolled
        tokens, added = run(block, tokens, rates)
        tokens = LayerNorm(self.norm_epsilon, dtype=self.dtype, name="norm")(tokens)
        return (tokens, added) if branches else tokens

    def _scanned(self, block: functools.partial, tokens: jax.Array, rates: jax.Array | None):
        stack = nn.scan(
            block.func,
            variable_axes={"params": 0},
            split_rngs={"params": True, "dropout": True},
            length=self.depth,
        )
        if self.dtype != jnp.float32 and not self.is_initializing():
            # Before the loop: a kernel that is cast within it is kept for the backward pass in the
            # lower precision as well, and its gradient is stacked in the higher one.
            cast = functools.partial(_cast_kernels, dtype=self.dtype)
            stack = nn.map_variables(stack, "params", trans_in_fn=cast)
        return stack(**block.keywords, name="blocks")(tokens, rates)

    def _unrolled(self, block: functools.partial, tokens: jax.Array, rates: jax.Array | None):
        added = []
        for i in range(self.depth):
            tokens, branch = block(name=f"block_{i}")(tokens, None if rates is None else rates[i])
            added.append(branch)
        return tokens, jnp.stack(added) if block.keywords["return_branch"] else None


class Block(nn.Module):
    """One layer of the trunk; the fields are those of `Transformer`, and whether to return what the
    MLP adds."""

    heads: int
    mlp_ratio: float
    activation: str
    layer_scale: float
    qk_norm: bool
    norm_epsilon: float
    dtype: jnp.dtype
    return_branch: bool

    @nn.compact
    def __call__(self, x: jax.Array, rate: jax.Array | None) -> tuple[jax.Array, jax.Array | None]:
        """Return (x, branch), the pair a scan wants; `rate` is that of drop-path, None for none."""
        norm = functools.partial(LayerNorm, self.norm_epsilon, dtype=self.dtype)
        x = along_batch(x)
        attention = Attention(
            self.heads, self.qk_norm, self.norm_epsilon, self.dtype, name="attention"
        )
        mlp = MLP(self.mlp_ratio, self.activation, self.dtype, name="mlp")
        for branch, i in ((attention, 1), (mlp, 2)):
            y = branch(norm(name=f"norm{i}")(x))
            if self.layer_scale:
                y = LayerScale(self.layer_scale, name=f"scale{i}")(y)
            x = x + self._drop_path(y, rate)
        return x, y if self.return_branch else None

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

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        width = x.shape[-1]
        if width % self.heads:
            raise ValueError(f"heads must divide the width {width}, got {self.heads}")
        q, k, v = (
            rearrange(linear(width, self.dtype, name)(x), "b n (h d) -> b h n d", h=self.heads)
            for name in ("query", "key", "value")
        )
        if self.qk_norm:
            norm = functools.partial(LayerNorm, self.norm_epsilon, dtype=self.dtype)
            q, k = norm(name="query_norm")(q), norm(name="key_norm")(k)
        q = q * (width // self.heads) ** -0.5
        scores = jnp.einsum("bhnd,bhmd->bhnm", q, k, preferred_element_type=jnp.float32)
        weights = jax.nn.softmax(scores).astype(self.dtype)
        y = jnp.einsum("bhnm,bhmd->bhnd", weights, v)
        return linear(width, self.dtype, "out")(rearrange(y, "b h n d -> b n (h d)"))


class MLP(nn.Module):
    """Two linear maps with an activation between them, or a gated pair for "swiglu"."""

    ratio: float
    activation: str
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        if self.activation not in ACTIVATIONS:
            raise unknown("activation", self.activation, ACTIVATIONS)
        activation, width = ACTIVATIONS[self.activation], x.shape[-1]
        hidden = int(width * self.ratio)
        if self.activation == "swiglu":
            hidden = -(-int(hidden * 2 / 3) // 8) * 8
            gate = activation(linear(hidden, self.dtype, "gate")(x))
            return linear(width, self.dtype, "fc2")(gate * linear(hidden, self.dtype, "fc1")(x))
        return linear(width, self.dtype, "fc2")(activation(linear(hidden, self.dtype, "fc1")(x)))


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


def linear(width: int, dtype: jnp.dtype, name: str) -> nn.Dense:
    """Return a linear map with the transformer's initialisation: Xavier-uniform kernel, bias 0."""
    init = nn.initializers.xavier_uniform()
    return nn.Dense(width, dtype=dtype, kernel_init=init, dot_general=_row_product, name=name)


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
    blocks = [params[f"block_{i}"] for i in range(depth)]
    rest = {name: tree for name, tree in params.items() if not name.startswith("block_")}
    return {**rest, "blocks": jax.tree.map(lambda *leaves: jnp.stack(leaves), *blocks)}
