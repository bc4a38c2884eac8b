"""DINOv2: the three parts of its loss, and its masks of static shape."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.errors import UserError
from tests.objectives.conftest import BATCH, STEPS, trial

KEY = jax.random.key(0)


def _loss(one, params, memory):
    batch = {**one.batches[0], "row": jnp.arange(BATCH)}
    return one.objective.value(params, memory, batch, key=KEY, step=0)


def test_one_view_of_every_image_hides_a_tenth_to_a_half_of_its_patches():
    objective = trial("dinov2").objective
    view, masked, index, valid = jax.jit(lambda: objective.hidden(KEY, jnp.arange(1000), 2))()
    assert masked.shape == (1000, 16) and index.shape == valid.shape == (1000, 8)
    assert abs(float(np.mean(view)) - 0.5) < 0.05 and set(np.unique(view)) == {0, 1}
    counts = np.asarray(masked.sum(axis=1))
    assert counts.min() == 1 and counts.max() == 7
    np.testing.assert_array_equal(valid.sum(axis=1), counts)
    for row in range(20):
        np.testing.assert_array_equal(np.sort(index[row][valid[row]]), np.flatnonzero(masked[row]))


def test_uniform_students_lose_the_logarithm_of_the_number_of_prototypes():
    one = trial("dinov2")
    equal = {
        name: jax.tree.map(jnp.ones_like, one.state.params[name]) for name in ("head", "patch_head")
    }
    value, aux = jax.jit(lambda p, m: _loss(one, p, m))(
        {**one.state.params, **equal}, one.state.objective_state
    )
    assert float(aux.metrics["view_loss"]) == pytest.approx(np.log(12), rel=1e-5)
    # Half of the views hide patches; the others count with 0.
    assert float(aux.metrics["patch_loss"]) == pytest.approx(np.log(10) / 2, rel=1e-5)
    parts = aux.metrics["view_loss"] + aux.metrics["patch_loss"] + 0.1 * aux.metrics["koleo"]
    assert float(value) == pytest.approx(float(parts), rel=1e-6)


def test_targets_are_even_over_the_batch_and_leave_out_what_is_not_hidden():
    objective = trial("dinov2").objective
    logits = jax.random.normal(KEY, (BATCH, 8, 10)) / 10
    valid = jax.random.bernoulli(KEY, 0.4, (BATCH, 8))
    targets = objective._targets(logits, 0, where=valid)
    np.testing.assert_allclose(targets.sum(axis=2), valid, atol=1e-5)
    share = targets.sum(axis=(0, 1)) / valid.sum()
    assert np.abs(share - 0.1).max() < 0.05
    spoilt = jnp.where(valid[..., None], logits, 9.0)
    np.testing.assert_array_equal(objective._targets(spoilt, 0, where=valid), targets)


def test_no_gradient_reaches_the_teacher():
    one = trial("dinov2")
    gradient = jax.jit(jax.grad(lambda memory: _loss(one, one.state.params, memory)[0]))
    for leaf in jax.tree.leaves(gradient(one.state.objective_state)):
        assert not np.any(leaf)


def test_the_momentum_rises_along_a_cosine_to_one():
    one = trial("dinov2")
    moved = jax.tree.map(lambda leaf: np.asarray(leaf) + 1, one.state.params)
    assert set(one.state.objective_state["teacher"]) == {"encoder", "head", "patch_head"}
    for step, momentum in ((0, 0.994), (STEPS, 1.0)):
        advance = jax.jit(one.objective.advance, static_argnames="step")
        _, after = advance(moved, one.state.objective_state, {}, step=step)
        old = jax.tree.leaves(one.state.objective_state["teacher"])[0]
        leaf = jax.tree.leaves(after["teacher"])[0] - old
        assert float(np.mean(leaf)) == pytest.approx(1 - momentum, abs=1e-6)


@pytest.mark.parametrize("group", [1, 5])
def test_groups_of_koleo_divide_the_batch(group):
    with pytest.raises(UserError, match=rf"objective\.koleo_group={group}; .* of batch_size=16"):
        dataclasses.replace(trial("dinov2").objective, koleo_group=group)
