"""wav2vec 2.0: quantised frames as targets, negatives of the same sound, three losses."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from ssljax.errors import UserError
from ssljax.models import build_encoder
from ssljax.objectives import Run, build_objective
from ssljax.spec import Spec
from tests.objectives.cases import CASES, audio
from tests.objectives.conftest import AUDIO, BATCH, EXAMPLES, STEPS, WAVES, trial

ENCODER, SECTION = CASES["wav2vec2"]


def build(encoder=ENCODER, field=WAVES, **changes):
    run = Run(build_encoder(encoder), Spec({"audio": field}, EXAMPLES), STEPS, 4)
    return build_objective(ConfigDict({**SECTION, **changes}), run)


def value_of(objective, params, batch, step=0):
    state = trial("wav2vec2").state.objective_state
    run = jax.jit(lambda p: objective.value(p, state, batch, key=jax.random.key(1), step=step))
    return run(params)


def test_the_loss_is_the_sum_of_its_parts():
    one = trial("wav2vec2")
    value, aux = value_of(one.objective, one.state.params, one.batches[0])
    parts = aux.metrics
    expected = parts["contrast"] + 0.1 * parts["diversity"] + 10 * parts["penalty"]
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    assert 0 < parts["diversity"] < 1 - 1 / 6 and 2 < parts["codes_in_use"] <= 12


def test_contexts_that_say_nothing_cost_the_logarithm_of_the_candidates():
    """With as many codes as that no two frames share theirs."""
    one, objective = trial("wav2vec2"), build(codes=4096, negatives=100)
    params, _ = jax.jit(objective.init_networks)(jax.random.key(0))
    params["context_projector"] = jax.tree.map(np.zeros_like, params["context_projector"])
    _, aux = value_of(objective, params, one.batches[0])
    np.testing.assert_allclose(aux.metrics["contrast"], math.log(101), rtol=1e-3)


def test_targets_are_of_frames_that_are_not_masked():
    """The mask token changes contexts, and neither codes nor penalty."""
    one = trial("wav2vec2")
    params = {**one.state.params, "mask_token": {"token": jnp.full(16, 5.0)}}
    (_, before), (_, after) = (
        value_of(one.objective, p, one.batches[0]) for p in (one.state.params, params)
    )
    for name in ("diversity", "penalty", "codes_in_use"):
        assert before.metrics[name] == after.metrics[name]
    assert before.metrics["contrast"] != after.metrics["contrast"]


def test_a_sound_is_compared_with_itself_alone():
    """Its contrast does not depend on the others of the batch: only the diversity does."""
    one, objective = trial("wav2vec2"), dataclasses.replace(trial("wav2vec2").objective)
    waves, batch = one.batches[0]["audio"], one.batches[0]
    same = {**batch, "audio": np.repeat(waves[:1], BATCH, 0), "row": np.zeros(BATCH, int)}
    alone = {name: leaf[:1] for name, leaf in same.items()}
    many, few = (value_of(objective, one.state.params, b)[1].metrics for b in (same, alone))
    np.testing.assert_allclose(many["contrast"], few["contrast"], rtol=1e-5)


def test_the_temperature_is_a_function_of_the_step():
    objective = build(code_temperature=(2.0, 0.5, 0.9))
    steps = (0, 1, 10, 100)
    found = [float(objective.temperature(step)) for step in steps]
    np.testing.assert_allclose(found, [max(2 * 0.9**step, 0.5) for step in steps], rtol=1e-6)
    one = trial("wav2vec2")  # it is of the gradient alone, the choice is the same
    losses = [value_of(objective, one.state.params, one.batches[0], step)[0] for step in (0, 100)]
    assert losses[0] == losses[1]


def test_silence_is_finite():
    one = trial("wav2vec2")
    batch = {**one.batches[0], "audio": np.zeros_like(one.batches[0]["audio"])}
    state = one.state.objective_state

    def loss(params):
        return one.objective.value(params, state, batch, key=jax.random.key(1), step=0)[0]

    value, gradient = jax.jit(jax.value_and_grad(loss))(one.state.params)
    assert np.isfinite(value) and all(np.isfinite(x).all() for x in jax.tree.leaves(gradient))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"groups": 3}, "objective.groups=3 must divide objective.code_dim=8"),
        ({"mask_ratio": 0.1}, "objective.mask_ratio=0.1 hides 1 of 7 frames"),
        ({"encoder": audio.TRANSFORMER, "field": AUDIO}, "wav2vec2 hides frames of waveforms"),
    ],
)
def test_what_does_not_fit_is_refused(fields, message):
    with pytest.raises(UserError, match=message):
        build(**fields)
