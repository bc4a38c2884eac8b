"""MSN: what anchors and target see, and what moves."""

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


def test_large_anchors_keep_most_patches_and_each_image_has_its_own():
    keep = trial("msn").objective._keep(KEY, jnp.arange(BATCH), 1)
    assert keep.shape == (BATCH, 1, 13)  # floor(16 * 0.85)
    assert all(len(set(row)) == 13 for row in np.asarray(keep[:, 0]))
    assert len({tuple(sorted(row)) for row in np.asarray(keep[:, 0]).tolist()}) > BATCH // 2


def test_equal_prototypes_lose_the_logarithm_of_their_number():
    one = trial("msn")
    equal = {"rows": jnp.ones_like(one.state.params["prototypes"]["rows"])}
    value, _ = jax.jit(lambda p, m: _loss(one, p, m))(
        {**one.state.params, "prototypes": equal}, one.state.objective_state
    )
    assert float(value) == pytest.approx(np.log(12), rel=1e-5)


def test_no_gradient_reaches_the_teacher():
    one = trial("msn")

    def loss(teacher):
        return _loss(one, one.state.params, {**one.state.objective_state, "teacher": teacher})[0]

    for leaf in jax.tree.leaves(jax.jit(jax.grad(loss))(one.state.objective_state["teacher"])):
        assert not np.any(leaf)


def test_the_momentum_rises_along_a_line_to_one():
    one = trial("msn")
    memory = one.state.objective_state
    carry = {name: memory[name] for name in ("stats", "teacher_stats")}
    moved = jax.tree.map(lambda leaf: leaf + 1.0, one.state.params)
    for step in (0, STEPS // 2, STEPS):
        _, after = one.objective.advance(moved, memory, carry, step=step)
        leaf = jax.tree.leaves(after["teacher"])[0] - jax.tree.leaves(memory["teacher"])[0]
        expected = 1 - (0.996 + 0.004 * step / STEPS)
        assert float(np.mean(leaf)) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("encoder", "fields", "message"),
    [
        (RESNET, {}, "must be a vision transformer"),
        (VIT, {"temperature": 0.0}, "objective.temperature=0.0; it must be above 0"),
        (VIT, {"patch_drop": 1.0}, r"patch_drop=1.0; it must be at least 0 and below 1"),
        (VIT, {"prototypes": 1}, "prototypes=1; it must be at least 2"),
        (VIT, {"views": {"random": {"count": 1}}}, "needs 2"),
    ],
)
def test_what_does_not_fit_is_refused(encoder, fields, message):
    run = Run(build_encoder(encoder), SPEC, steps=STEPS, batch_size=BATCH)
    with pytest.raises(UserError, match=message):
        build_objective(ConfigDict({**CASES["msn"][1], **fields}), run)
