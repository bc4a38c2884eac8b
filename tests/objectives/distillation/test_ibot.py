"""iBOT: who sees which patches, and the two losses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from ssljax.errors import UserError
from ssljax.models import build_encoder
from ssljax.objectives import Run, build_objective
from tests.objectives.cases import CASES
from tests.objectives.cases.small import RESNET, VIT
from tests.objectives.conftest import BATCH, SPEC, STEPS, trial

KEY = jax.random.key(0)


def _loss(one, params, memory):
    batch = {**one.batches[0], "row": jnp.arange(BATCH)}
    return one.objective.value(params, memory, batch, key=KEY, step=0)


def test_half_of_the_views_hide_a_tenth_to_a_half_of_their_patches():
    objective = trial("ibot").objective
    masks = jax.jit(lambda: objective.masks(KEY, jnp.arange(1000), 2))()
    assert masks.shape == (1000, 2, 16)
    counts = np.asarray(masks.sum(axis=2))
    some = counts > 0
    assert abs(some.mean() - 0.5) < 0.05
    assert abs((some[:, 0] == some[:, 1]).mean() - 0.5) < 0.05  # each view for itself
    assert counts[some].min() == 1 and counts[some].max() == 7


def test_a_mask_depends_on_the_place_in_the_batch_alone():
    masks = trial("ibot").objective.masks
    np.testing.assert_array_equal(masks(KEY, jnp.arange(8), 2)[4:], masks(KEY, jnp.arange(4, 8), 2))


def test_uniform_students_lose_the_logarithm_of_the_number_of_prototypes():
    one = trial("ibot")
    equal = jax.tree.map(jnp.ones_like, one.state.params["head"])
    _, aux = jax.jit(lambda p, m: _loss(one, p, m))(
        {**one.state.params, "head": equal}, one.state.objective_state
    )
    assert float(aux.metrics["view_loss"]) == pytest.approx(np.log(12), rel=1e-5)
    # Views that hide nothing count with a loss of 0.
    views_key, mask_key, _ = jax.random.split(KEY, 3)
    some = one.objective.masks(mask_key, jnp.arange(BATCH), 2).any(axis=2)
    expected = float(some.mean()) * np.log(12)
    assert float(aux.metrics["patch_loss"]) == pytest.approx(expected, rel=1e-5)


def test_no_gradient_reaches_teacher_or_centres():
    one = trial("ibot")
    gradient = jax.jit(jax.grad(lambda memory: _loss(one, one.state.params, memory)[0]))
    for leaf in jax.tree.leaves(gradient(one.state.objective_state)):
        assert not np.any(leaf)


def test_the_teacher_sees_every_patch_and_has_no_mask_token():
    one = trial("ibot")
    assert set(one.state.objective_state["teacher"]) == {"encoder", "head"}
    token = {"token": one.state.params["mask_token"]["token"] + 1.0}
    loss = jax.jit(lambda p: _loss(one, p, one.state.objective_state))
    value, aux = loss(one.state.params)
    other, other_aux = loss({**one.state.params, "mask_token": token})
    assert float(value) != float(other)
    jax.tree.map(np.testing.assert_array_equal, aux.carry, other_aux.carry)  # of its logits


def test_both_centres_move_after_the_step():
    one = trial("ibot")
    state = one.step(one.state, one.batches[0])[0]
    for name in ("center", "patch_center"):
        assert np.abs(state.objective_state[name]).max() > 0
    assert not np.array_equal(
        state.objective_state["center"], state.objective_state["patch_center"]
    )


@pytest.mark.parametrize(
    ("encoder", "fields", "message"),
    [
        (RESNET, {}, "must be a vision transformer"),
        (VIT, {"student_temperature": 0.0}, "objective.student_temperature=0.0; .* above 0"),
        (VIT, {"mask_prob": 0.0}, r"mask_prob=0.0; it must be above 0 and at most 1"),
        (VIT, {"mask_ratio_min": 0.6}, "mask_ratio_min=0.6 and objective.mask_ratio_max=0.5"),
        (VIT, {"views": {"crop": {"count": 2, "size": 7}}}, "must divide the 7 rows"),
        (VIT, {"views": {"crop": {"count": 1}}}, "needs 2"),
    ],
)
def test_what_does_not_fit_is_refused(encoder, fields, message):
    run = Run(build_encoder(encoder), SPEC, steps=STEPS, batch_size=BATCH)
    with pytest.raises(UserError, match=message):
        build_objective(ConfigDict({**CASES["ibot"][1], **fields}), run)
