"""GE2E: the loss of equal embeddings, a scale above 0, what is refused."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.errors import UserError
from ssljax.objectives import build_objective
from ssljax.spec import Spec
from tests.objectives.conftest import outputs_of, trial


def value_of(one, params, batch):
    value = jax.jit(one.objective.value)
    return value(params, one.state.objective_state, batch, key=jax.random.key(0), step=0)


def test_equal_embeddings_cost_the_logarithm_of_the_speakers():
    one = trial("ge2e")
    head = {"output": {"kernel": jnp.zeros((12, 6)), "bias": jnp.ones(6)}}
    batch = {**one.batches[0], "label": np.repeat(np.arange(4), 4).astype(np.int32)}
    loss, aux = value_of(one, {**one.state.params, "projector": head}, batch)
    np.testing.assert_allclose(loss, math.log(4), rtol=1e-5)
    np.testing.assert_allclose(aux.metrics["scale"], 10, rtol=1e-6)
    assert aux.metrics["counted"] == 1
    # Alone in the batch a speaker has no centroid; where all are alone nothing is learned.
    alone = {**batch, "label": np.arange(16, dtype=np.int32)}
    loss, aux = value_of(one, one.state.params, alone)
    assert loss == 0 and aux.metrics["counted"] == 0


def test_the_scale_is_above_zero_whatever_is_learned():
    one = trial("ge2e")
    params = {**one.state.params, "scale": {"value": jnp.float32(-20)}}
    loss, aux = value_of(one, params, one.batches[0])
    assert 0 < aux.metrics["scale"] < 1e-8 and np.isfinite(loss)


def test_embeddings_are_an_output():
    one = trial("ge2e")
    made = outputs_of(one.objective, one.state.params, one.state.objective_state, one.batches[0])
    assert list(made) == ["audio", "tokens/audio", "embedding/audio"]
    assert made["embedding/audio"].shape == (16, 6)


def test_data_without_speakers_are_refused():
    run = trial("ge2e").objective.run
    fields = {name: one for name, one in run.spec.fields.items() if name != "label"}
    without = dataclasses.replace(run, spec=Spec(fields, run.spec.num_examples))
    with pytest.raises(UserError, match="set config.data.labels='group' and config.data.per_label"):
        build_objective({"name": "ge2e"}, without)
