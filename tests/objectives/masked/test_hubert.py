"""HuBERT: units of MFCC, then of a middle block; hidden frames predict theirs."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from ml_collections import ConfigDict

from ssljax.errors import UserError
from ssljax.models import build_encoder
from ssljax.objectives import Run, build_objective
from ssljax.objectives.masked.hubert import MFCC, mfcc_of_frames
from ssljax.objectives.views import plain
from ssljax.ops.spectrogram import cosines, hann, mel_filters
from ssljax.spec import Spec
from ssljax.training.step import init_state
from tests.objectives.cases import CASES
from tests.objectives.conftest import (
    EXAMPLES,
    STEPS,
    WAVES,
    Trial,
    all_batches,
    make_batch,
    started,
)

ENCODER, SECTION = CASES["hubert"][0], {**CASES["hubert"][1], "second_share": 0.5}
SPEC = Spec({"audio": WAVES}, EXAMPLES)


def build(**changes):
    run = Run(build_encoder(ENCODER), SPEC, STEPS, 4)
    return build_objective(ConfigDict({**SECTION, **changes}), run)


@functools.cache
def twice():
    """Both iterations in one run, the units of the first found."""
    objective = build()
    state = jax.jit(lambda: init_state(objective, optax.identity(), seed=0))()
    state = objective.refresh(state, lambda: all_batches(SPEC), key=jax.random.key(5))
    return Trial(objective, None, state, (make_batch(0, SPEC),))


def sounds():
    batches = [plain(batch["audio"], WAVES) for batch in all_batches(SPEC)]
    return jnp.concatenate(batches)


def refreshed(one, step):
    state = one.state.replace(step=jnp.int32(step))
    return one.objective.refresh(state, lambda: all_batches(SPEC), key=jax.random.key(6))


def require_means(features, centroids):
    """Lloyd's iteration moves towards the means: after more of them, centroids are these."""
    rows = np.asarray(features, np.float64).reshape(-1, features.shape[-1])
    distance = ((rows[:, None] - np.asarray(centroids)) ** 2).sum(-1)
    assert distance.min(1).mean() < 0.9 * ((rows - rows.mean(0)) ** 2).sum(1).mean()
    assert len(np.unique(distance.argmin(1))) > 1


def test_mfcc_are_of_the_samples_of_a_frame():
    """100 MFCC a second for 50 frames: frame n is made of samples 320 n to 320 n + 400."""
    waves = np.random.default_rng(0).normal(size=(2, 2320)).astype(np.float32)
    found = mfcc_of_frames(jnp.asarray(waves), 16_000.0)
    assert found.shape == (2, 7, 39)
    for n in range(7):
        part = waves[:, 320 * n : 320 * n + 400] * hann(400)
        power = np.abs(np.fft.rfft(part, 512)) ** 2
        bands = np.log(np.maximum(power @ mel_filters(MFCC, 16_000.0), MFCC.floor))
        np.testing.assert_allclose(found[:, n, :13], bands @ cosines(23, 13), atol=2e-3)


def test_the_first_units_are_clusters_of_mfcc():
    one = twice()
    state = one.state.objective_state
    require_means(mfcc_of_frames(sounds(), WAVES.rate), state["centroids_1"])
    assert not state["centroids_2"].any()


def test_the_second_units_are_clusters_of_a_block_of_the_encoder_of_that_step():
    one = twice()
    moved = jax.tree.map(lambda leaf: np.asarray(leaf) + 0.05, one.state.params)
    state = one.state.replace(params=moved, step=jnp.int32(5))
    key = jax.random.key(6)
    memory = one.objective.refresh(state, lambda: all_batches(SPEC), key=key).objective_state
    jax.tree.map(np.testing.assert_array_equal, memory["labeller"], moved["encoder"])
    require_means(one.objective.features(moved["encoder"], sounds()), memory["centroids_2"])
    np.testing.assert_array_equal(memory["centroids_1"], one.state.objective_state["centroids_1"])


def test_it_refreshes_before_the_first_step_and_at_its_share_of_the_run():
    def due(**fields):
        objective = build(**fields)
        return [step for step in range(STEPS + 1) if objective.refresh_due(step)]

    assert due() == [0, 5]
    assert due(second_share=1.0) == [0] and due(second_share=0.0) == [0]


@pytest.mark.parametrize(("step", "trained"), [(4, 1), (5, 2)])
def test_each_iteration_has_its_own_head(step, trained):
    one = twice()
    state = refreshed(one, 5)

    def loss(params):
        options = {"key": jax.random.key(1), "step": step}
        return one.objective.value(params, state.objective_state, one.batches[0], **options)[0]

    gradient = jax.jit(jax.grad(loss))(state.params)
    for i in (1, 2):
        leaves = jax.tree.leaves([gradient[f"units_{i}"], gradient[f"projector_{i}"]])
        assert all(np.abs(leaf).max() > 0 for leaf in leaves) == (i == trained)
        assert i == trained or not any(leaf.any() for leaf in leaves)


def test_equal_units_cost_the_logarithm_of_their_number():
    one = twice()
    params = {**one.state.params, "units_1": {"rows": jnp.ones((5, 8))}}
    state = one.state.objective_state
    run = jax.jit(
        lambda p: one.objective.value(p, state, one.batches[0], key=jax.random.key(1), step=0)
    )
    value, aux = run(params)
    np.testing.assert_allclose(aux.metrics["units"], math.log(5), rtol=1e-5)
    np.testing.assert_allclose(value, math.log(5) + 10 * aux.metrics["penalty"], rtol=1e-5)


def test_the_second_alone_takes_its_labels_from_the_encoder_in_its_memory():
    objective = build(second_share=0.0)
    params, memory = jax.device_get(started(objective))
    assert "units_1" not in params and "units_2" in params
    other = jax.tree.map(lambda leaf: leaf + 0.05, memory["labeller"])
    one = twice().state.replace(params=params, objective_state={**memory, "labeller": other})
    found = objective.refresh(one, lambda: all_batches(SPEC), key=jax.random.key(6))
    jax.tree.map(np.testing.assert_array_equal, found.objective_state["labeller"], other)
    require_means(objective.features(other, sounds()), found.objective_state["centroids_2"])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"layer": 3}, "objective.layer=3; it must be from 1 to config.encoder.depth=2"),
        ({"clusters": (5, 400)}, r"clusters=\(5, 400\): k-means sees 336 frames of 48 sounds"),
        ({"clusters": (5, 60), "kmeans_frames": 50}, "sees 48 frames of 48 sounds"),
    ],
)
def test_what_does_not_fit_is_refused(fields, message):
    with pytest.raises(UserError, match=message):
        build(**fields)
