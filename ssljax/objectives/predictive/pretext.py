"""What pretext tasks with an answer known beforehand share: the loss and the share of hits."""

import jax.numpy as jnp

from ssljax.losses import prototype_cross_entropy
from ssljax.objectives.base import Array, Loss


def classification(logits: Array, labels: Array) -> Loss:
    """Return the mean cross entropy of logits [N, K] against labels [N], and the accuracy."""
    loss = jnp.mean(prototype_cross_entropy(logits, labels, temperature=1.0))
    return Loss(loss, {"accuracy": jnp.mean(jnp.argmax(logits, axis=1) == labels)})
