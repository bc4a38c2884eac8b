"""The train step: one pure function, the same for every objective."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from einops import rearrange
from jax.extend.core import jaxpr_as_fun

from ssljax.errors import UserError
from ssljax.objectives import Aux, Objective
from ssljax.ops.keys import key_for
from ssljax.training.state import TrainState

Batch = dict[str, jax.Array]
Metrics = dict[str, jax.Array]


def init_state(
    objective: Objective, optimizer: optax.GradientTransformation, *, seed: int
) -> TrainState:
    """Return the first state; call it under `jit`."""
    params, state = objective.init(key_for(seed, "params", 0), key_for(seed, "memory", 0))
    return TrainState(jnp.zeros((), jnp.int32), params, state, optimizer.init(params))


def make_train_step(
    objective: Objective,
    optimizer: optax.GradientTransformation,
    *,
    seed: int,
    accumulate: int = 1,
) -> Callable[[TrainState, Batch], tuple[TrainState, Metrics]]:
    """Return `train_step(state, batch) -> state, metrics`, to be compiled by the caller.

    Args:
      objective: what is learned.
      optimizer: makes updates of the gradients; its `update` is told the step, if it takes it.
      seed: of the run; the random numbers of a step are a function of (seed, step) alone.
      accumulate: into how many micro-batches a batch is cut, to save memory.

    Returns:
      The step. `metrics` has float scalars "loss", "gradient_norm" and those of the objective, and
      "nonfinite", bool [number of parameter arrays]: whose gradient is not finite, or so large
      that the sum of its squares is not, in the order of `jax.tree.leaves`.

    Raises:
      UserError: accumulation for an objective whose loss couples the batch.
    """
    if accumulate > 1 and objective.batch_coupled:
        raise UserError(
            f"accumulate={accumulate} would change the result: the loss of "
            f"{type(objective).__name__} couples the "
            "examples of a batch (negatives or batch statistics), so that the gradients of "
            "micro-batches do not add up "
            "to the gradient of the batch. Set accumulate=1 and encoder.grad_cache (vision "
            "transformers; the loss then still sees the whole batch), shard over more devices or "
            "turn on remat instead."
        )

    update = optax.with_extra_args_support(optimizer).update

    def gradients(params: Any, objective_state: Any, batch: Batch, key: jax.Array, step: jax.Array):
        def loss(params):
            return objective.value(params, objective_state, batch, key=key, step=step)

        return jax.value_and_grad(loss, has_aux=True)(params)

    def train_step(state: TrainState, batch: Batch) -> tuple[TrainState, Metrics]:
        key = key_for(seed, "loss", state.step)
        # Keys per example, whatever the micro-batch.
        batch = {**batch, "row": jnp.arange(len(batch["id"]))}
        objective_state = state.objective_state
        run = functools.partial(gradients, state.params, objective_state, key=key, step=state.step)
        (loss, aux), grads = (
            run(batch) if accumulate == 1 else _mean_over_micro_batches(run, batch, accumulate)
        )
        # Schedules see the step of the run, not one that the optimizer counts: what a run starts
        # from, or goes on to, cannot part what is applied from what is logged.
        updates, opt_state = update(grads, state.opt_state, state.params, step=state.step)
        params = optax.apply_updates(state.params, updates)
        # A moving average of the parameters sees those of after the update: keep this order.
        params, objective_state = objective.advance(
            params, objective_state, aux.carry, step=state.step
        )
        # One sum for both metrics: each further look at the gradients is a pass over memory.
        squares = jnp.stack([jnp.sum(jnp.square(leaf)) for leaf in jax.tree.leaves(grads)])
        metrics = {
            "loss": loss,
            "gradient_norm": jnp.sqrt(jnp.sum(squares)),
            "nonfinite": ~jnp.isfinite(squares),
            **aux.metrics,
        }
        return TrainState(state.step + 1, params, objective_state, opt_state), metrics

    return train_step


def _mean_over_micro_batches(
    run: Callable[[Batch], tuple[tuple[jax.Array, Aux], Any]], batch: Batch, count: int
) -> tuple[tuple[jax.Array, Aux], Any]:
    """Return what `run` gives of a batch, from what it gives of its micro-batches.

        x = sum_m w_m x_m / sum_m w_m

    of loss, metrics and gradients alike, w_m being the weight of the loss of micro-batch m, or 1.
    """
    # Every count-th example, so that a batch sharded over devices is cut without moving anything
    # between them.
    micro = jax.tree.map(lambda leaf: rearrange(leaf, "(b m) ... -> m b ...", m=count), batch)
    first = jax.eval_shape(lambda: jax.tree.map(lambda leaf: leaf[0], micro))
    traced, shapes = jax.make_jaxpr(run, return_shape=True)(first)  # once, for shapes and loop
    zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
    run_traced, result = jaxpr_as_fun(traced), jax.tree.structure(shapes)

    def add(total, one):
        sums, weights = total
        made = jax.tree.unflatten(result, run_traced(*jax.tree.leaves(one)))
        weight = made[0][1].weight
        weight = jnp.float32(1) if weight is None else weight
        return (jax.tree.map(lambda t, o: t + weight * o, sums, made), weights + weight), None

    (sums, weights), _ = jax.lax.scan(add, (zeros, jnp.float32(0)), micro)
    weights = jnp.where(weights > 0, weights, 1)  # without any item, all sums are 0
    return jax.tree.map(lambda leaf: leaf / weights, sums)
