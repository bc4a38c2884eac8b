"""What MoCo v1 and v2 share, and ReSSL in part: a momentum teacher and a queue of its keys."""

import jax
import jax.numpy as jnp

from ssljax.losses import info_nce
from ssljax.models import Chain
from ssljax.objectives.base import Array, PyTree
from ssljax.ops.ema import ema
from ssljax.ops.queue import enqueue, init_queue


def first_memory(params: PyTree, stats: PyTree, key: Array, *, rows: int, dim: int) -> PyTree:
    """Return the memory of a fresh run: the teacher is the student, the queue is random."""
    queue = init_queue(key, rows=rows, dim=dim)
    return {"stats": stats, "teacher": params, "teacher_stats": stats, "queue": queue}


def contrast(
    network: Chain,
    params: PyTree,
    memory: PyTree,
    views: Array,
    *,
    temperature: float,
    block: int,
    key: Array,
) -> tuple[Array, PyTree]:
    """Return the loss of view 1 of `views` [B, 2, h, w, c] against the key of view 2; a carry."""
    shuffle_key, model_key = jax.random.split(key)
    q, stats = network.apply(params, memory["stats"], views[:, 0], train=True, key=model_key)
    k, teacher_stats = teacher_keys(network, memory, views[:, 1], shuffle_key)
    losses = info_nce(q, k, memory["queue"]["rows"], temperature=temperature, block=block)
    return jnp.mean(losses), {"stats": stats, "teacher_stats": teacher_stats, "keys": k}


def teacher_keys(network: Chain, memory: PyTree, images: Array, key: Array) -> tuple[Array, PyTree]:
    """Return the teacher's keys of images, and its batch statistics.

    Where batch normalisation is in groups, the images are shuffled among them, so that a key shares
    no batch statistics with its query.
    """
    shuffled = getattr(network.modules["encoder"], "bn_groups", 1) > 1
    order = jax.random.permutation(key, len(images)) if shuffled else jnp.arange(len(images))
    images = images[order] if shuffled else images
    k, stats = network.apply(memory["teacher"], memory["teacher_stats"], images, train=True)
    return jax.lax.stop_gradient(k[jnp.argsort(order)] if shuffled else k), stats


def update_teacher(memory: PyTree, params: PyTree, carry: PyTree, momentum: float) -> PyTree:
    """Return the memory after a step: the teacher moved to the student, the keys in the queue."""
    return {
        "stats": carry["stats"],
        "teacher": ema(memory["teacher"], params, momentum),
        "teacher_stats": carry["teacher_stats"],
        "queue": enqueue(memory["queue"], carry["keys"]),
    }
