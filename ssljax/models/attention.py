"""softmax(q k' / sqrt(d)) v, with what each token may see."""

import jax
import jax.numpy as jnp


def attend(
    query: jax.Array,
    key: jax.Array,
    value: jax.Array,
    *,
    segments: jax.Array | None = None,
    causal: bool = False,
) -> jax.Array:
    """Return the values that each query attends to.

    Args:
      query, key, value: [B, H, N, d].
      segments: int32[B, N]; a token sees those of its own segment. None: it sees all.
      causal: whether it sees only itself and those before it.

    Returns:
      [B, H, N, d]. Scores and softmax are float32; every token sees at least itself.
    """
    query = query * query.shape[-1] ** -0.5
    scores = jnp.einsum("bhnd,bhmd->bhnm", query, key, preferred_element_type=jnp.float32)
    if segments is not None:
        same = segments[:, None, :, None] == segments[:, None, None, :]
        scores = jnp.where(same, scores, -jnp.inf)
    if causal:
        at = jnp.arange(scores.shape[-1])
        scores = jnp.where(at[:, None] >= at, scores, -jnp.inf)
    weights = jax.nn.softmax(scores).astype(value.dtype)
    return jnp.einsum("bhnm,bhmd->bhnd", weights, value)
