"""TS2Vec: windows and their overlap, and that evaluation sees the mean of all parameters."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.errors import UserError
from ssljax.models import build_encoder
from ssljax.objectives import build_objective
from tests.objectives.conftest import BATCH, outputs_of, trial


@pytest.mark.parametrize("temporal_from", [0, 2])
def test_windows_overlap_within_the_series(temporal_from):
    objective = dataclasses.replace(trial("ts2vec").objective, temporal_from=temporal_from)
    keys = jax.random.split(jax.random.key(0), 500)
    windows = jax.vmap(lambda key: jnp.stack(objective.windows(key, 16)))(keys)
    begin, end, left, right = np.asarray(windows).T
    assert np.all((begin >= 0) & (begin <= left) & (left < right) & (right <= end) & (end <= 16))
    assert set((right - left).tolist()) == set(range(2 ** (temporal_from + 1), 17))
    assert np.any(begin < left) and np.any(right < end)


def test_a_time_outside_a_window_is_seen_by_no_vector_of_it():
    """With nothing masked by chance and a blank outside, the loss is that of the windows alone."""
    one = trial("ts2vec")
    objective = dataclasses.replace(one.objective, mask=0.0)
    key, batch = jax.random.key(3), one.batches[0]

    def loss(series):
        net, teacher = objective.nets(
            one.state.params, one.state.objective_state, key=key, train=False
        )
        given = {**batch, "series": series}
        return objective.loss(net, teacher, given, key=key, step=0).value

    gradient = jax.jit(jax.grad(loss))(jnp.asarray(batch["series"]))
    begin, end, _, _ = objective.windows(jax.random.split(key, 4)[0], 16)
    touched = np.abs(gradient).max(axis=(0, 2)) > 0
    seen = np.abs(gradient).max(axis=2) > 0
    assert int(seen.sum(axis=1).max()) <= int(end - begin)
    assert touched.any()


def test_evaluation_sees_the_mean_of_the_parameters():
    one = trial("ts2vec")
    state, history = one.state, [one.state.params["encoder"]]
    for _ in range(3):
        state, _ = one.step(state, one.batches[0])
        history.append(state.params["encoder"])
    mean = jax.tree.map(lambda *leaves: np.mean(leaves, axis=0), *history)
    jax.tree.map(
        lambda found, wanted: np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5),
        state.objective_state["teacher"]["encoder"],
        mean,
    )
    features = outputs_of(one.objective, state.params, state.objective_state, one.batches[0])[
        "series"
    ]
    swapped = {"encoder": state.objective_state["teacher"]["encoder"]}
    again = outputs_of(one.objective, swapped, state.objective_state, one.batches[0])["series"]
    assert features.shape == (BATCH, 12)
    np.testing.assert_array_equal(features, again)


def test_what_does_not_fit_is_refused():
    run = trial("ts2vec").objective.run
    patches = build_encoder({"name": "series_transformer", "patch_size": 4}, run.field)
    with pytest.raises(UserError, match="needs an encoder with a vector for every time"):
        build_objective({"name": "ts2vec"}, dataclasses.replace(run, encoder=patches))
    with pytest.raises(UserError, match="temporal_from=4 needs overlaps of at least 32 times"):
        build_objective({"name": "ts2vec", "temporal_from": 4}, run)
