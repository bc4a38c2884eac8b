"""Probes that are trained by gradient steps, one for each learning rate, all at once.

A sweep is one set of parameters with a leading axis of rates, and one jitted step for all of them:
the frozen encoder runs once for the whole sweep, as in DINOv2's eval/linear.py.
"""

import dataclasses
import functools
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ssljax.evaluation.features import on_host

Array = jax.Array
PyTree = Any
Batches = Iterable[tuple[Array, np.ndarray, np.ndarray]]  # rows, targets, weights of the rows


@dataclasses.dataclass(frozen=True)
class Schedule:
    """How a probe is trained.

    Attributes:
      epochs: passes over the training examples.
      optimizer: "sgd": momentum, g is added to 0.9 of the old; "lars": the same, the gradient of a
        matrix scaled to 0.001 of the matrix's norm first (MAE's util/lars.py); "adamw".
      momentum: of "sgd" and "lars".
      weight_decay: of "adamw", on matrices alone.
      warmup_epochs: epochs in which the rate rises from 0.
      by_epoch: whether the rate changes once an epoch, as in DINO and MoCo v3, or at each step.
    """

    epochs: int
    optimizer: Literal["sgd", "lars", "adamw"] = "sgd"
    momentum: float = 0.9
    weight_decay: float = 0.0
    warmup_epochs: int = 0
    by_epoch: bool = False

    def factor(self, epoch: int, progress: float) -> float:
        """Return the rate in parts of its peak: a warm-up, then half a cosine to 0.

        Args:
          epoch: number of the epoch.
          progress: part of the epoch that is done.
        """
        now = epoch if self.by_epoch else epoch + progress
        if now < self.warmup_epochs:
            return now / self.warmup_epochs
        done = (now - self.warmup_epochs) / max(1, self.epochs - self.warmup_epochs)
        return 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))

    def transform(self) -> optax.GradientTransformation:
        """Return the rule of the update, the learning rate left out."""
        if self.optimizer == "adamw":
            decay = optax.add_decayed_weights(self.weight_decay, mask=_matrices)
            return optax.chain(optax.scale_by_adam(), decay)
        trust = optax.masked(optax.scale_by_trust_ratio(trust_coefficient=0.001), _matrices)
        adapted = trust if self.optimizer == "lars" else optax.identity()
        return optax.chain(adapted, optax.trace(self.momentum))


def _matrices(params: PyTree) -> PyTree:
    return jax.tree.map(lambda leaf: leaf.ndim > 1, params)


class Head(NamedTuple):
    """What is trained on frozen features.

    Attributes:
      init: `init(generator)` gives parameters, float32 arrays of NumPy.
      apply: `apply(params, rows)` gives logits [b, K]; pure, hashable.
      norm: whether rows are first normalised over the batch, and by running means at the end:
        BatchNorm without learned scale, as MAE's main_linprobe.py has it.
    """

    init: Callable[[np.random.Generator], PyTree]
    apply: Callable[[PyTree, Array], Array]
    norm: bool = False


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Running:
    """Means and variances over batches, as PyTorch's BatchNorm keeps them (momentum 0.1)."""

    mean: Array
    variance: Array


class Trained(NamedTuple):
    """A sweep after training: one head for each rate.

    Attributes:
      params: with the axis of rates first.
      running: statistics of the rows; None without `Head.norm`.
      losses: of the last epoch, the mean over its steps, for each rate.
    """

    params: PyTree
    running: Running | None
    losses: np.ndarray


_EPSILON, _MOMENTUM = 1e-6, 0.1  # of the normalisation: main_linprobe.py, torch's default


def train(
    head: Head,
    rates: np.ndarray,
    schedule: Schedule,
    epoch: Callable[[int], Batches],
    steps: int,
    *,
    seed: int,
    loss: str = "classes",
) -> Trained:
    """Train a head for each rate, all from the same first parameters and on the same batches.

    Args:
      head: what is trained.
      rates: float[R], peaks of the learning rate.
      schedule: how.
      epoch: `epoch(number)` gives the batches of an epoch. Targets are int[b] for "classes",
        float[b, K] for "labels"; rows with weight False are not counted.
      steps: batches of an epoch.
      seed: of the first parameters.
      loss: "classes": cross entropy of the softmax; "labels": binary cross entropy, the mean over
        labels.
    """
    first = head.init(np.random.default_rng(seed))
    params = jax.tree.map(lambda leaf: np.broadcast_to(leaf, (len(rates), *leaf.shape)), first)
    moments = jax.tree.map(np.asarray, jax.vmap(schedule.transform().init)(params))
    running: Running | None = None
    rates = np.asarray(rates, np.float32)
    losses: list[Array] = []
    for number in range(schedule.epochs):
        losses = []
        for step, (rows, targets, weights) in enumerate(epoch(number)):
            if running is None and head.norm:
                shape = rows.shape[1:]
                running = Running(np.zeros(shape, np.float32), np.ones(shape, np.float32))
            factor = np.float32(schedule.factor(number, step / steps))
            params, moments, running, value = _step(
                head.apply, schedule, loss, params, moments, running, rates * factor, rows,
                targets, np.asarray(weights, np.float32),
            )  # fmt: skip
            losses.append(value)
    return Trained(params, running, np.mean([on_host(one) for one in losses], axis=0))


@functools.partial(jax.jit, static_argnums=(0, 1, 2), donate_argnums=(3, 4, 5))
def _step(apply, schedule, loss, params, moments, running, rates, rows, targets, weights):
    rows = rows.astype(jnp.float32)
    total = jnp.maximum(jnp.sum(weights), 1)
    if running is not None:
        rows, running = _normalised(rows, running, weights, total)

    def objective(params):
        return jnp.sum(weights * LOSSES[loss](apply(params, rows), targets)) / total

    def one(params, moments, rate):
        value, gradient = jax.value_and_grad(objective)(params)
        update, moments = schedule.transform().update(gradient, moments, params)
        return jax.tree.map(lambda p, u: p - rate * u, params, update), moments, value

    params, moments, values = jax.vmap(one)(params, moments, rates)
    return params, moments, running, values


def _classes(logits: Array, targets: Array) -> Array:
    return optax.softmax_cross_entropy_with_integer_labels(logits, targets)


def _labels(logits: Array, targets: Array) -> Array:
    return jnp.mean(optax.sigmoid_binary_cross_entropy(logits, targets), axis=-1)


LOSSES: Mapping[str, Callable[[Array, Array], Array]] = {"classes": _classes, "labels": _labels}


def _normalised(rows, running, weights, total):
    weights = weights.reshape(-1, *[1] * (rows.ndim - 1))
    mean = jnp.sum(weights * rows, axis=0) / total
    variance = jnp.sum(weights * (rows - mean) ** 2, axis=0) / total
    unbiased = variance * total / jnp.maximum(total - 1, 1)
    kept = Running(
        (1 - _MOMENTUM) * running.mean + _MOMENTUM * mean,
        (1 - _MOMENTUM) * running.variance + _MOMENTUM * unbiased,
    )
    return (rows - mean) * jax.lax.rsqrt(variance + _EPSILON), kept


def logits(head: Head, trained: Trained, rows: Array) -> Array:
    """Return the logits [R, b, K] of rows for each rate, with the running statistics."""
    return _logits(head.apply, trained.params, trained.running, rows)


@functools.partial(jax.jit, static_argnums=0)
def _logits(apply, params, running, rows):
    rows = rows.astype(jnp.float32)
    if running is not None:
        rows = (rows - running.mean) * jax.lax.rsqrt(running.variance + _EPSILON)
    return jax.vmap(apply, in_axes=(0, None))(params, rows)


def linear_head(shape: tuple[int, ...], classes: int, *, norm: bool = False) -> Head:
    """Return a linear classifier of rows of that shape, flattened: weights N(0, 0.01), bias 0."""

    def init(generator: np.random.Generator) -> PyTree:
        size = (math.prod(shape), classes)
        weights = generator.normal(0.0, 0.01, size).astype(np.float32)
        return {"weights": weights, "bias": np.zeros(classes, np.float32)}

    return Head(init, _linear, norm)


def _linear(params: PyTree, rows: Array) -> Array:
    rows = rows.reshape(len(rows), -1)
    return jnp.matmul(rows, params["weights"], precision="highest") + params["bias"]
