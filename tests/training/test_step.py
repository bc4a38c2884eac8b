"""The train step: accumulation, the order of update and advance, the watch over gradients."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ssljax.errors import UserError
from ssljax.objectives import Aux, Objective
from ssljax.training.step import init_state, make_train_step
from tests.objectives.conftest import trial


@dataclasses.dataclass(frozen=True)
class Quadratic(Objective):
    """loss = mean_b (w - x_b)^2 / 2, by hand: gradient w - mean x. Remembers w after the update."""

    run: None = None

    def init_networks(self, key):
        return {"w": jnp.float32(3.0)}, {}

    def init_state(self, key, params, stats):
        return {"w": jnp.float32(0.0)}

    def value(self, params, state, batch, *, key, step):
        loss = jnp.mean((params["w"] - batch["x"]) ** 2) / 2
        return loss, Aux(metrics={"first": batch["row"][0].astype(float)}, carry={})

    def advance(self, params, state, carry, *, step):
        return params, {"w": params["w"] * 10}


def _batch(values):
    return {"x": jnp.asarray(values, jnp.float32), "id": jnp.arange(len(values))}


def _step(accumulate=1, rate=0.5):
    objective, optimizer = Quadratic(), optax.sgd(rate)
    batch = _batch([1.0, 2.0, 3.0, 6.0])
    state = init_state(objective, optimizer, seed=0)
    return make_train_step(objective, optimizer, seed=0, accumulate=accumulate)(state, batch)


def test_one_step_by_hand():
    state, metrics = _step()
    assert float(metrics["loss"]) == pytest.approx((4 + 1 + 0 + 9) / 8)
    assert float(metrics["gradient_norm"]) == 0.0  # w = 3 is the mean
    assert float(state.params["w"]) == 3.0 and int(state.step) == 1


def test_memory_sees_the_parameters_after_the_update():
    objective, optimizer = Quadratic(), optax.sgd(0.5)
    batch = _batch([1.0, 1.0])
    state = init_state(objective, optimizer, seed=0)
    state, _ = make_train_step(objective, optimizer, seed=0)(state, batch)
    assert float(state.params["w"]) == pytest.approx(2.0)
    assert float(state.objective_state["w"]) == pytest.approx(20.0)


@pytest.mark.parametrize("accumulate", [2, 4])
def test_accumulation_is_the_mean_over_micro_batches(accumulate):
    whole, one = _step(), _step(accumulate)
    assert float(one[1]["loss"]) == pytest.approx(float(whole[1]["loss"]))
    assert float(one[0].params["w"]) == pytest.approx(float(whole[0].params["w"]))


@pytest.mark.parametrize("accumulate", [1, 4])
def test_the_loss_is_traced_once(accumulate):
    traces = []

    class Told(Quadratic):
        def value(self, *args, **kwargs):
            traces.append(1)
            return super().value(*args, **kwargs)

    objective, optimizer = Told(), optax.sgd(0.5)
    step = make_train_step(objective, optimizer, seed=0, accumulate=accumulate)
    state = init_state(objective, optimizer, seed=0)
    jax.jit(step).lower(state, _batch([1.0, 2.0, 3.0, 6.0]))
    assert len(traces) == 1


@pytest.mark.parametrize("accumulate", [1, 2, 4])
def test_a_mean_over_items_is_weighted_by_their_number(accumulate):
    """Values below 0 are padding: micro-batches have two, one and no items."""

    @dataclasses.dataclass(frozen=True)
    class Padded(Quadratic):
        def value(self, params, state, batch, *, key, step):
            real = batch["x"] >= 0
            count = jnp.sum(real).astype(jnp.float32)
            total = jnp.sum(jnp.where(real, (params["w"] - batch["x"]) ** 2, 0)) / 2
            items = jnp.sum(jnp.where(real, batch["x"], 0))
            mean = {"mean": items / jnp.maximum(count, 1)}
            return total / jnp.maximum(count, 1), Aux(metrics=mean, carry={}, weight=count)

    objective, optimizer, batch = Padded(), optax.sgd(0.5), _batch([1.0, -1.0, 2.0, 6.0])
    state = init_state(objective, optimizer, seed=0)
    step = make_train_step(objective, optimizer, seed=0, accumulate=accumulate)
    state, metrics = step(state, batch)
    assert float(metrics["loss"]) == pytest.approx((4 + 1 + 9) / 6)
    assert float(metrics["mean"]) == pytest.approx(3.0)
    assert float(metrics["gradient_norm"]) == pytest.approx(0.0, abs=1e-6)  # w = 3 is the mean
    state, metrics = step(state, _batch([-1.0] * 4))
    assert float(metrics["loss"]) == 0.0


def test_accumulation_of_mae_equals_the_whole_batch():
    """Masks and views come from the position in the global batch, whatever the micro-batch."""
    one = trial("mae")
    batch = one.batches[0]
    losses = [
        jax.jit(make_train_step(one.objective, one.optimizer, seed=0, accumulate=count))(
            one.state, batch
        )[1]
        for count in (1, 4)
    ]
    np.testing.assert_allclose(losses[0]["loss"], losses[1]["loss"], rtol=1e-6)
    np.testing.assert_allclose(losses[0]["gradient_norm"], losses[1]["gradient_norm"], rtol=1e-5)


@pytest.mark.parametrize("case", ["simclr", "moco_v2", "byol", "deepcluster_v2", "combine"])
def test_accumulation_is_refused_where_the_loss_couples_the_batch(case):
    one = trial(case)
    with pytest.raises(UserError, match=r"couples the examples .*encoder\.grad_cache"):
        make_train_step(one.objective, one.optimizer, seed=0, accumulate=2)


def test_nonfinite_gradients_are_told_by_parameter():
    @dataclasses.dataclass(frozen=True)
    class Half(Quadratic):
        def init_networks(self, key):
            return {"a": jnp.float32(0.0), "b": jnp.float32(1.0)}, {}

        def value(self, params, state, batch, *, key, step):
            return jnp.sqrt(params["a"]) + params["b"], Aux(metrics={}, carry={})

        def advance(self, params, state, carry, *, step):
            return params, state

    objective, optimizer, batch = Half(), optax.sgd(1.0), _batch([1.0])
    state = init_state(objective, optimizer, seed=0)
    _, metrics = make_train_step(objective, optimizer, seed=0)(state, batch)
    assert metrics["nonfinite"].tolist() == [True, False]


def test_the_state_is_donated_without_a_copy():
    one = trial("simclr")
    step = jax.jit(one.step, donate_argnums=0)
    memory = step.lower(one.state, one.batches[0]).compile().memory_analysis()
    state_bytes = sum(leaf.nbytes for leaf in jax.tree.leaves(one.state))
    assert memory.alias_size_in_bytes >= state_bytes
