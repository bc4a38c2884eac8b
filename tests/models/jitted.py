"""`init` and `apply` compiled as a whole, as in use: op by op, tests take ten times as long."""

import jax
import numpy as np

from ssljax import models

init = jax.jit(models.init, static_argnums=0)
apply = jax.jit(models.apply, static_argnums=0, static_argnames=("train", "mlp_outputs", "local"))


def scrambled(params, seed=1):
    """Fresh values for all leaves: initial biases of 0 and scales of 1 would hide mistakes."""
    rng = np.random.default_rng(seed)
    return jax.tree.map(lambda v: 0.5 * rng.normal(size=v.shape).astype(np.float32), params)
