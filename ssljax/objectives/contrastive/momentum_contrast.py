"""What MoCo and ReSSL share: keys of a momentum teacher, in a queue."""

import jax
import jax.numpy as jnp

from ssljax.errors import UserError
from ssljax.objectives.base import Array, Run
from ssljax.objectives.net import Net


def teacher_keys(teacher: Net, x: Array, key: Array) -> Array:
    """Return the teacher's keys [B, D] of a view, without gradient.

    Where batch normalisation is in groups, the examples are shuffled among them, so that a key
    shares no batch statistics with its query (shuffle-BN).
    """
    if getattr(teacher.modules["encoder"], "bn_groups", 1) == 1:
        return jax.lax.stop_gradient(teacher.projector(teacher.encoder(x).pooled))
    order = jax.random.permutation(key, len(x))
    k = teacher.projector(teacher.encoder(x[order]).pooled)
    return jax.lax.stop_gradient(k[jnp.argsort(order)])


def require_queue(run: Run, rows: int) -> None:
    """Raise a UserError unless batches fill a queue without a rest."""
    if rows % run.batch_size:
        raise UserError(
            f"objective.queue_size={rows} is not a multiple of batch_size={run.batch_size}"
        )
