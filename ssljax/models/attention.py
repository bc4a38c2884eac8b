"""softmax(q k' / sqrt(d)) v, with what each token may see, by one of several kernels."""

import functools

import jax
import jax.numpy as jnp
from einops import rearrange
from jax.experimental.pallas.ops.tpu.splash_attention import (
    splash_attention_kernel,
    splash_attention_mask,
)
from jax.sharding import PartitionSpec

from ssljax.errors import UserError
from ssljax.ops.placement import platform, shares

KERNELS = ("auto", "xla", "cudnn", "splash")
# Tokens from which splash attention is chosen for TPUs. Below, the scores that XLA writes out are a
# small part of what is moved, and the kernel pads tokens and heads to multiples of 128: a step of
# DINOv2 ViT-L on v5e (257 tokens) moves as many bytes, for 12 % more FLOPs; a layer of 1,568
# tokens moves a third of the bytes (docs/measurements.md).
LONG = 512
LANES = 128  # of a TPU's registers: channels of a head and tokens of a block are multiples of it
LARGEST_BLOCK = 1024  # tokens, of which a square of float32 scores is 4 MiB of a chip's memory
MOST_PADDING = 0.15  # of the tokens, for the sake of larger blocks


def attend(
    query: jax.Array,
    key: jax.Array,
    value: jax.Array,
    *,
    segments: jax.Array | None = None,
    causal: bool = False,
    kernel: str = "xla",
    dropout: float = 0.0,
    dropout_key: jax.Array | None = None,
) -> jax.Array:
    """Return the values that each query attends to.

    Args:
      query, key, value: [B, H, N, d].
      segments: int32[B, N]; a token sees those of its own segment. None: it sees all.
      causal: whether it sees only itself and those before it.
      kernel: "xla" writes out the scores, float32[B, H, N, N]. "cudnn" (NVIDIA GPUs, bfloat16) and
        "splash" (a TPU; elsewhere interpreted, which is slow) do not. "auto" chooses, see `choose`.
      dropout: probability of setting a weight to 0; the others are divided by 1 - dropout. Only
        "xla" can, and "auto" then chooses it.
      dropout_key: of its random numbers.

    Returns:
      [B, H, N, d]. Scores and softmax are float32; every token sees at least itself.

    Raises:
      UserError: "cudnn" with float32, or dropout with "cudnn" or "splash".

    FlashAttention, Dao et al. 2022, arXiv:2205.14135.
    """
    if kernel == "auto":
        kernel = "xla" if dropout else choose(query)
    if dropout and kernel != "xla":
        raise UserError(
            f"encoder.attention_dropout={dropout} needs encoder.attention='xla' or 'auto', not "
            f"{kernel!r}, which never holds the weights"
        )
    if kernel == "splash":
        return _splash(query, key, value, segments, causal)
    if kernel == "cudnn":
        if query.dtype == jnp.float32:
            raise UserError("encoder.attention='cudnn' needs encoder.dtype='bfloat16'")
        return fused(query, key, value, segments, causal, implementation="cudnn")
    query = query * query.shape[-1] ** -0.5
    scores = jnp.einsum("bhnd,bhmd->bhnm", query, key, preferred_element_type=jnp.float32)
    if segments is not None:
        scores = jnp.where(_same(segments), scores, -jnp.inf)
    if causal:
        at = jnp.arange(scores.shape[-1])
        scores = jnp.where(at[:, None] >= at, scores, -jnp.inf)
    weights = jax.nn.softmax(scores).astype(value.dtype)
    if dropout:
        kept = jax.random.bernoulli(dropout_key, 1 - dropout, weights.shape)
        weights = weights * (kept / (1 - dropout)).astype(weights.dtype)
    return jnp.einsum("bhnm,bhmd->bhnd", weights, value)


def choose(query: jax.Array | jax.ShapeDtypeStruct) -> str:
    """Return the kernel for query[B, H, N, d] on the devices of the mesh.

    | platform | kernel | where |
    |---|---|---|
    | TPU | "splash" | N >= 512 |
    | any | "xla" | elsewhere |

    Masks do not matter: both take all. "cudnn" is never chosen, only asked for: its backward pass
    may add in any order unless XLA is told otherwise, so that a run cannot be repeated bit for bit.
    """
    where = platform()
    spread = shares(*query.shape[:2]) is None and jax.device_count() > 1  # in ways not known here
    return "splash" if where == "tpu" and query.shape[-2] >= LONG and not spread else "xla"


def fused(query, key, value, segments, causal, *, implementation: str) -> jax.Array:
    """Return attention as `jax.nn.dot_product_attention` computes it."""
    count = query.shape[2]
    odd = count % 2  # JAX refuses to train cuDNN's attention on an odd number of tokens
    inputs = (
        jnp.pad(rearrange(x, "b h n d -> b n h d"), ((0, 0), (0, odd), (0, 0), (0, 0)))
        for x in (query, key, value)
    )
    options = {"is_causal": causal, "implementation": implementation}
    if segments is not None:
        options["mask"] = _same(jnp.pad(segments + 1, ((0, 0), (0, odd))))  # one of its own
    elif odd:
        lengths = jnp.full(len(query), count, jnp.int32)
        options |= {"query_seq_lengths": lengths, "key_value_seq_lengths": lengths}
    y = jax.nn.dot_product_attention(*inputs, **options)
    return rearrange(y[:, :count], "b n h d -> b h n d")


def _splash(query, key, value, segments, causal) -> jax.Array:
    batch, heads, count, size = query.shape
    block = _block(count)
    longer, wider = -count % block, -size % LANES
    padding = ((0, 0), (0, 0), (0, longer), (0, wider))
    query, key, value = (jnp.pad(x, padding) for x in (query * size**-0.5, key, value))
    ids = jnp.ones((batch, count), jnp.int32) if segments is None else segments + 1
    ids = jnp.pad(ids, ((0, 0), (0, longer)))  # what is added is a segment of its own
    interpret = platform() != "tpu"
    run = functools.partial(_run_splash, causal=causal, block=block, interpret=interpret)
    # The compiler cannot cut the kernel; examples and heads do not depend on one another.
    if (spec := shares(batch, heads)) is not None:
        inputs = (spec, spec, spec, PartitionSpec(spec[0]))
        run = jax.shard_map(run, in_specs=inputs, out_specs=spec, check_vma=False)
    y = run(query, key, value, ids)
    return y[:, :, :count, :size].astype(value.dtype)


def _run_splash(query, key, value, ids, *, causal, block, interpret) -> jax.Array:
    """Run the kernel on the examples and heads of one device."""
    heads, count = query.shape[1:3]
    mask = splash_attention_mask.CausalMask if causal else splash_attention_mask.FullMask
    blocks = dict.fromkeys(_SIDES, block)
    kernel = splash_attention_kernel.make_splash_mha_single_device(
        splash_attention_mask.MultiHeadMask([mask((count, count))] * heads),
        block_sizes=splash_attention_kernel.BlockSizes(**blocks),
        interpret=interpret,
    )
    return jax.vmap(kernel)(query, key, value, splash_attention_kernel.SegmentIds(ids, ids))


# Tokens that the kernel takes at once: in the forward pass, for keys and values, for queries.
_SIDES = (
    *("block_q", "block_kv", "block_kv_compute"),
    *("block_q_dkv", "block_kv_dkv", "block_kv_dkv_compute"),
    *("block_q_dq", "block_kv_dq"),
)


def _block(count: int) -> int:
    """Return the tokens of a block: the most that do not pad `count` tokens by too many.

    A kernel begins each block anew, which takes as long as the products of a block of 128 or more.

    >>> [_block(count) for count in (20, 257, 1568)]
    [128, 384, 896]
    """
    most = max(-count % LANES, MOST_PADDING * count)
    return max(b for b in range(LANES, LARGEST_BLOCK + 1, LANES) if -count % b <= most)


def _same(segments: jax.Array) -> jax.Array:
    """Return bool[B, 1, N, N], True where two tokens are of one segment."""
    return segments[:, None, :, None] == segments[:, None, None, :]
