"""Predictors of features that a video has not shown yet."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from ssljax.models.base import compute_dtype
from ssljax.models.transformer import linear


class DensePredictor(nn.Module):
    """DPC's recurrent predictor: a ConvGRU over maps of features, and two layers that map what it
    remembers to the next map.

        u, r = sigmoid(W_u [x, h]), sigmoid(W_r [x, h]),  o = tanh(W_o [x, r h])
        h' = (1 - u) h + u o,  the next map = W_2 relu(W_1 h')

    Kernels are 1 x 1, as in the official code: every place of a map is by itself. What is predicted
    is, after a relu, the input of the step after it. Kernels start orthogonal, biases at 0.

    Args (fields):
      steps: maps that are predicted.
      dropout: probability of setting an entry of h to 0, at every step in training.
      dtype: "float32" or "bfloat16" for the products; the output is float32.

    Han et al. 2019, arXiv:1909.04656; TengdaHan/DPC, dpc/model_3d.py, backbone/convrnn.py.
    """

    steps: int
    dropout: float = 0.1
    dtype: str = "float32"

    @nn.compact
    def __call__(self, maps: jax.Array, *, train: bool) -> jax.Array:
        """Map maps[B, n, S, D], of S places each, to the next ones, float32[B, steps, S, D]."""
        dtype, width = compute_dtype(self.dtype), maps.shape[-1]
        start = nn.initializers.orthogonal()
        gates = {name: linear(width, dtype, name, start) for name in ("update", "reset", "out")}
        layers = [linear(width, dtype, name, start) for name in ("hidden", "output")]
        drop = nn.Dropout(self.dropout, deterministic=not train)

        def step(x, h):
            both = jnp.concatenate([x, h], axis=-1)
            update, reset = (nn.sigmoid(gates[name](both)) for name in ("update", "reset"))
            out = jnp.tanh(gates["out"](jnp.concatenate([x, reset * h], axis=-1)))
            return drop((1 - update) * h + update * out)

        maps = maps.astype(dtype)
        state, predicted = jnp.zeros_like(maps[:, 0]), []
        for i in range(maps.shape[1]):
            state = step(maps[:, i], state)
        for i in range(self.steps):
            state = step(nn.relu(predicted[-1]), state) if i else state
            predicted.append(layers[1](nn.relu(layers[0](state))))
        return jnp.stack(predicted, axis=1).astype(jnp.float32)
