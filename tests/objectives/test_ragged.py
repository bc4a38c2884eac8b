"""Series of different lengths: padding is not seen, and a mean over patches is one under
accumulation."""

import dataclasses

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict

from ssljax.errors import UserError
from ssljax.models import build_encoder
from ssljax.objectives import Run, build_objective
from ssljax.spec import Spec, Value
from ssljax.training.config import complete
from ssljax.training.experiment import build
from ssljax.training.optimizer import build_optimizer
from ssljax.training.step import init_state, make_train_step
from tests.objectives.cases import CASES
from tests.objectives.conftest import BATCH, EXAMPLES, SERIES, STEPS, make_batch, started, trial

NAMES = {"mae": "mae, series", "next_step": "next_step"}
LENGTHS = np.array([4, 5, 7, 8, 9, 12, 13, 15, *[16] * 8])  # of patches of 4


def batch_of(length=16, noise=0.0):
    """Return a batch of series of `LENGTHS`, padded to `length` times with noise."""
    series = make_batch(0, Spec({"series": SERIES}, EXAMPLES))["series"]
    padded = np.random.default_rng(0).normal(size=(BATCH, length, 2)).astype(np.float32) * noise
    real = np.arange(16)[:, None] < LENGTHS[:, None, None]
    padded[:, :16] = np.where(real, series, padded[:, :16])
    segments = (np.arange(length) < LENGTHS[:, None]).astype(np.int32)
    ids = np.arange(BATCH, dtype=np.int32)
    return {"series": Value(padded, segments), "id": ids, "row": ids}


def objective_of(name, length=16, **changes):
    encoder, section = CASES[NAMES[name]]
    field = SERIES.replace(shape=(length, 2), ragged=True)
    encoder = build_encoder({**encoder, "length": 24}, field)
    run = Run(encoder, Spec({"series": field}, EXAMPLES), steps=STEPS, batch_size=BATCH)
    return build_objective(ConfigDict({**section, "views": {"crop": {}}, **changes}), run)


def value_of(objective, batch, params, state):
    call = jax.jit(
        jax.value_and_grad(
            lambda p: objective.value(p, state, batch, key=jax.random.key(3), step=0), has_aux=True
        )
    )
    return call(params)


def close(found, expected):
    scale = max(float(np.abs(leaf).max()) for leaf in jax.tree.leaves(expected))
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5 * max(scale, 1))


@pytest.mark.parametrize("name", NAMES)
def test_what_stands_in_the_padding_changes_neither_loss_nor_gradient(name):
    objective = objective_of(name)
    params, state = started(objective)
    (clean, aux), gradient = value_of(objective, batch_of(), params, state)
    (noisy, _), other = value_of(objective, batch_of(noise=5.0), params, state)
    np.testing.assert_allclose(clean, noisy, rtol=1e-5)
    close(other, gradient)
    # Of a quarter that stays visible at least one does; the first patch is no target.
    assert float(aux.weight) == np.sum(LENGTHS // 4 - 1)


def test_a_longer_padding_changes_nothing():
    short, long = objective_of("next_step"), objective_of("next_step", length=24)
    params, state = started(short)
    (loss, _), gradient = value_of(short, batch_of(), params, state)
    (other, _), further = value_of(long, batch_of(24), params, state)
    np.testing.assert_allclose(other, loss, rtol=1e-5)
    close(further, gradient)
    features = [
        jax.jit(objective.outputs)(params, state, batch_of(length))["series"]
        for objective, length in ((short, 16), (long, 24))
    ]
    np.testing.assert_allclose(*features, atol=1e-5)


def test_series_of_one_length_are_as_without_padding():
    """A batch whose series all have the length of the batch, as a `Value` and as an array."""
    plain, one = trial("next_step"), objective_of("next_step", views={"crop": {"jitter": 0.1}})
    array = plain.batches[0]
    ones = np.ones(array["series"].shape[:2], np.int32)
    value = {**array, "series": Value(array["series"], ones)}
    args = {"key": jax.random.key(3), "step": 0}
    params = plain.state.params
    expected, _ = jax.jit(plain.objective.value)(params, plain.state.objective_state, array, **args)
    field = plain.objective.run.spec.fields["series"].replace(ragged=True)
    run = dataclasses.replace(plain.objective.run, spec=Spec({"series": field}, EXAMPLES))
    one = dataclasses.replace(plain.objective, run=run)
    found, _ = jax.jit(one.value)(params, plain.state.objective_state, value, **args)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_the_mean_over_patches_is_that_of_the_whole_batch_under_accumulation(name):
    objective = objective_of(name)
    params, _ = jax.eval_shape(objective.init_networks, jax.random.key(0))
    optimizer = build_optimizer({}, steps=STEPS, batch_size=BATCH, params=params).transform
    state = jax.jit(lambda: init_state(objective, optimizer, seed=0))()
    whole, parts = (
        jax.jit(make_train_step(objective, optimizer, seed=0, accumulate=count))(state, batch_of())
        for count in (1, 4)
    )
    for name, expected in whole[1].items():
        np.testing.assert_allclose(parts[1][name], expected, rtol=1e-4)


def test_objectives_and_views_that_take_one_length_are_refused():
    run = objective_of("mae").run
    with pytest.raises(UserError, match="'deepcluster_v2' takes no examples of different"):
        build_objective(ConfigDict(CASES["deepcluster_v2, series"][1]), run)
    for view in ({"crop_scale": (0.5, 1.0)}, {"size": 8}, {"segments": 2}):
        with pytest.raises(UserError, match="series of different lengths have no windows"):
            objective_of("mae", views={"crop": view})


def packed():
    """Return the series of `batch_of` in rows of 24, two or more in each, and where they are."""
    series = batch_of()["series"]
    data, segments = np.zeros((BATCH // 2, 24, 2), np.float32), np.zeros((BATCH // 2, 24), np.int32)
    places = {}
    for row in range(BATCH // 2):  # short ones with long ones
        start = 0
        for number, example in enumerate((row, BATCH - 1 - row), 1):
            length = min(LENGTHS[example], 24 - start)
            data[row, start : start + length] = series.data[example, :length]
            segments[row, start : start + length] = number
            places[example] = row, start, length
            start += -(-length // 4) * 4
    ids = np.arange(BATCH // 2, dtype=np.int32)
    return {"series": Value(data, segments), "id": ids, "row": ids}, places


def test_in_a_packed_row_every_example_is_as_alone():
    objective = objective_of("next_step", length=24)
    params, _ = jax.jit(objective.init_networks)(jax.random.key(0))
    batch, places = packed()
    tokens = jax.jit(objective.outputs)(params, {"stats": {}}, batch)["tokens/series"]
    series = batch_of(24)["series"]
    cut = np.array([places[example][2] for example in range(BATCH)])
    alone = {"series": Value(series.data, (np.arange(24) < cut[:, None]).astype(np.int32))}
    expected = jax.jit(objective.outputs)(params, {"stats": {}}, alone)["tokens/series"]
    for example, (row, start, length) in places.items():
        count = length // 4
        found = tokens[row, start // 4 : start // 4 + count]
        np.testing.assert_allclose(found, expected[example, :count], atol=1e-5)


def test_the_loss_of_packed_rows_is_that_of_their_examples():
    objective = objective_of("next_step", length=24)
    params, state = started(objective)
    batch, places = packed()
    cut = np.array([places[example][2] for example in range(BATCH)])
    series = batch_of(24)["series"]
    segments = (np.arange(24) < cut[:, None]).astype(np.int32)
    alone = {**batch_of(24), "series": Value(series.data, segments)}
    (loss, aux), gradient = value_of(objective, batch, params, state)
    (expected, other), wanted = value_of(objective, alone, params, state)
    assert float(aux.weight) == float(other.weight) == np.sum(cut // 4 - 1)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    close(gradient, wanted)


def test_rows_are_packed_for_a_run_and_refused_by_other_objectives(tmp_path):
    series = np.array(batch_of()["series"].data)
    series[np.arange(16) >= LENGTHS[:, None]] = np.nan
    np.savez(tmp_path / "short.npz", series=series)
    encoder, section = CASES["next_step"]
    config = {
        "steps": 2,
        "batch_size": 8,
        "data": {"source": f"npz:{tmp_path / 'short.npz'}", "ragged": True, "pack": 24},
        "encoder": {**encoder, "length": 24},
        "objective": {**section, "views": {"crop": {}}},
    }
    experiment = build(complete(config), devices=jax.devices()[:1])
    (batch,) = [experiment.pipeline().batch(0)]
    assert batch["series"].shape == (8, 24, 2) and batch["series"].segments.max() > 1
    assert experiment.objective.run.spec.num_examples == len(experiment.source) < BATCH
    with pytest.raises(UserError, match="config.data.pack=24 packs several examples .*'mae'"):
        mae = {**CASES["mae, series"][1], "views": {"crop": {}}}
        build(complete({**config, "objective": mae}), devices=jax.devices()[:1])
    config["data"]["ragged"] = False
    with pytest.raises(UserError, match="it needs config.data.ragged=True, config.data.length=0"):
        build(complete(config))
