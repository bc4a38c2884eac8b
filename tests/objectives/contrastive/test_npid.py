"""NPID: the bank moves after it was used, by example id, and Z is that of the first step."""

import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.errors import UserError
from ssljax.objectives import build_objective
from tests.objectives.cases import CASES
from tests.objectives.conftest import BATCH, EXAMPLES, trial


@pytest.mark.parametrize("case", ["npid", "npid, whole bank"])
def test_the_bank_moves_half_way_to_the_vectors_of_the_batch_and_nowhere_else(case):
    one, batch = trial(case), trial(case).batches[1]
    step = one.step
    memory = step(one.state, batch)[0].objective_state
    before, after = (np.asarray(m["bank"], np.float64) for m in (one.state.objective_state, memory))
    np.testing.assert_allclose(np.linalg.norm(after, axis=1), 1, rtol=1e-5)
    others = np.setdiff1d(np.arange(EXAMPLES), batch["id"])
    np.testing.assert_array_equal(after[others], before[others])
    # normalise(old / 2 + new / 2) lies half way, so that twice its direction, less old, is new.
    old, moved = before[batch["id"]], after[batch["id"]]
    cosine = np.sum(old * moved, axis=1)
    new = 2 * cosine[:, None] * moved - old
    np.testing.assert_allclose(np.linalg.norm(new, axis=1), 1, rtol=1e-5)
    assert (cosine > 0).all() and (cosine < 0.999).any()
    assert len(np.unique(new.round(4), axis=0)) == BATCH


def test_the_normalizer_is_estimated_in_the_first_step_and_kept():
    one = trial("npid")
    step = one.step
    first, _ = step(one.state, one.batches[0])
    log_z = float(first.objective_state["log_normalizer"])
    # n exp(v . v_i / t) on average: between the extremes of the cosine
    assert abs(log_z - np.log(EXAMPLES)) < 1 / one.objective.temperature and log_z != 0
    second, _ = step(first, one.batches[1])
    assert float(second.objective_state["log_normalizer"]) == log_z


def test_the_normalizer_is_of_positives_and_noise_as_in_the_official_code():
    """NCEAverage.py: the mean of exp over the positive and the m noise vectors of all, times n."""
    objective, rng = trial("npid").objective, np.random.default_rng(0)

    def unit(count):
        rows = rng.normal(size=(count, objective.projector_dim))
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    v, noise = unit(4), unit(8)
    positive = unit(4) + 3 * v
    positive /= np.linalg.norm(positive, axis=1, keepdims=True)
    exps = [np.exp(p @ v_b / objective.temperature) for p, v_b in zip(positive, v, strict=True)]
    exps += [np.exp(k @ v_b / objective.temperature) for k in noise for v_b in v]
    got = objective._log_normalizer(*map(jnp.float32, (v, positive, noise)))
    np.testing.assert_allclose(np.exp(got), np.mean(exps) * EXAMPLES, rtol=1e-5)


def test_without_noise_the_loss_of_a_random_bank_is_near_that_of_equal_similarities():
    one = trial("npid, whole bank")
    _, metrics = one.step(one.state, one.batches[0])
    # log n, and half the variance of a cosine over the temperature, 1 / (8 * 0.5^2) / 2
    assert float(metrics["loss"]) == pytest.approx(np.log(EXAMPLES) + 0.25, abs=0.25)
    assert "log_normalizer" not in one.state.objective_state


@pytest.mark.parametrize("field", [{"negatives": -1}, {"bank_momentum": 1.0}])
def test_values_out_of_range_are_refused(field):
    ((name, value),) = field.items()
    with pytest.raises(UserError, match=f"objective.{name}={value}"):
        build_objective({**CASES["npid"][1], **field}, trial("npid").objective.run)


def test_blocks_are_of_the_softmax_over_the_whole_bank_alone():
    with pytest.raises(UserError, match="objective.logits_block=4: .* negatives=256 set it to 0"):
        build_objective({**CASES["npid"][1], "logits_block": 4}, trial("npid").objective.run)
