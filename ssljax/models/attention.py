"""softmax(q k' / sqrt(d)) v, with what each token may see, by one of several kernels."""

import functools

import jax
import jax.numpy as jnp
from einops import rearrange
from jax.experimental.pallas.ops.tpu.splash_attention import (
    splash_attention_kernel,
    splash_attention_mask,
)

from ssljax.errors import UserError

KERNELS = ("xla", "cudnn", "splash")
BLOCK = 128  # tokens and channels that splash attention takes at once


def attend(
    query: jax.Array,
    key: jax.Array,
    value: jax.Array,
    *,
    segments: jax.Array | None = None,
    causal: bool = False,
    kernel: str = "xla",
) -> jax.Array:
    """Return the values that each query attends to.

    Args:
      query, key, value: [B, H, N, d].
      segments: int32[B, N]; a token sees those of its own segment. None: it sees all.
      causal: whether it sees only itself and those before it.
      kernel: "xla" writes out the scores, float32[B, H, N, N]. "cudnn" (NVIDIA GPUs, bfloat16) and
        "splash" (a TPU; elsewhere interpreted, which is slow) do not. Splash attention is not
        partitioned: it is for a mesh of one chip.

    Returns:
      [B, H, N, d]. Scores and softmax are float32; every token sees at least itself.

    Raises:
      UserError: "cudnn" with float32.

    FlashAttention, Dao et al. 2022, arXiv:2205.14135.
    """
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
    return jnp.einsum("bhnm,bhmd->bhnd", weights, value)


def fused(query, key, value, segments, causal, *, implementation: str) -> jax.Array:
    """Return attention as `jax.nn.dot_product_attention` computes it."""
    inputs = (rearrange(x, "b h n d -> b n h d") for x in (query, key, value))
    mask = None if segments is None else _same(segments)
    options = {"is_causal": causal, "implementation": implementation}
    y = jax.nn.dot_product_attention(*inputs, mask=mask, **options)
    return rearrange(y, "b n h d -> b h n d")


def _splash(query, key, value, segments, causal) -> jax.Array:
    batch, heads, count, size = query.shape
    longer, wider = -count % BLOCK, -size % BLOCK
    padding = ((0, 0), (0, 0), (0, longer), (0, wider))
    query, key, value = (jnp.pad(x, padding) for x in (query * size**-0.5, key, value))
    ids = jnp.ones((batch, count), jnp.int32) if segments is None else segments + 1
    ids = jnp.pad(ids, ((0, 0), (0, longer)))  # what is added is a segment of its own
    shape = (count + longer,) * 2
    mask = splash_attention_mask.CausalMask if causal else splash_attention_mask.FullMask
    masks = splash_attention_mask.MultiHeadMask([mask(shape)] * heads)

    def run(*args, interpret):
        make = splash_attention_kernel.make_splash_mha_single_device
        return jax.vmap(make(masks, interpret=interpret))(*args)

    y = jax.lax.platform_dependent(
        query,
        key,
        value,
        splash_attention_kernel.SegmentIds(ids, ids),
        tpu=functools.partial(run, interpret=False),
        default=functools.partial(run, interpret=True),
    )
    return y[:, :, :count, :size].astype(value.dtype)


def _same(segments: jax.Array) -> jax.Array:
    """Return bool[B, 1, N, N], True where two tokens are of one segment."""
    return segments[:, None, :, None] == segments[:, None, None, :]
