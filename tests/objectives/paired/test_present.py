"""Examples that lack a field: what stands in for it changes nothing."""

import dataclasses
import functools

import jax
import numpy as np
import pytest

from ssljax.spec import PRESENCE, presence_of
from ssljax.training.sharding import AXES, batch_sharding, make_mesh
from tests.objectives.conftest import each, trial

CASES = ("clip", "siglip", "coca", "paired_vicreg", "paired_barlow_twins")
PRESENT = {
    "image": np.arange(16) % 5 != 1,
    "text": np.arange(16) % 3 != 2,
}
WHOLE = PRESENT["image"] & PRESENT["text"]


@functools.cache
def compiled(case, told):
    """Return the function of loss and gradient; batches say what is present where it is told."""
    one = trial(case)
    spec = one.objective.run.spec
    if told:
        spec = spec.replace(**{presence_of(name): PRESENCE for name in PRESENT})
    run = dataclasses.replace(one.objective.run, spec=spec)
    objective = dataclasses.replace(one.objective, run=run)

    def value(params, batch):
        key = jax.random.key(3)
        return objective.value(params, one.state.objective_state, batch, key=key, step=0)

    return jax.jit(jax.value_and_grad(value, has_aux=True))


def gradient_of(case, batch):
    """Return loss, metrics and weight, and the gradient of the parameters."""
    run = compiled(case, presence_of("text") in batch)
    (loss, aux), gradient = run(trial(case).state.params, batch)
    return loss, aux, jax.tree.map(np.asarray, gradient)


def close(found, expected, bound=2e-5):
    size = max(map(np.linalg.norm, jax.tree.leaves(expected)), default=0.0)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert np.linalg.norm(a - b) <= bound * size


def partly(batch, **present):
    return {**batch, **{presence_of(name): flags for name, flags in present.items()}}


@pytest.mark.parametrize("case", map(each, CASES))
def test_examples_that_lack_a_field_are_as_if_they_were_not_there(case):
    batch = trial(case).batches[0]
    loss, aux, gradient = gradient_of(case, partly(batch, **PRESENT))
    rest = {name: value[WHOLE] for name, value in batch.items()}
    expected, alone, wanted = gradient_of(case, rest)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    close(gradient, wanted)
    close(aux.carry["stats"], alone.carry["stats"])
    assert float(aux.weight) == WHOLE.sum() and "pairs" not in alone.metrics
    np.testing.assert_allclose(aux.metrics["pairs"], WHOLE.mean())

    mesh = make_mesh(dict(zip(AXES, (8, 1, 1), strict=True)))
    with jax.set_mesh(mesh):
        placed = jax.device_put(partly(batch, **PRESENT), batch_sharding(mesh))
        of_eight, _, shared = gradient_of(case, placed)
    np.testing.assert_allclose(of_eight, loss, rtol=1e-5)
    close(shared, gradient)


@pytest.mark.parametrize("case", map(each, CASES))
def test_a_batch_without_any_pair_trains_nothing_and_says_so(case):
    none = {"image": ~PRESENT["text"], "text": PRESENT["text"]}
    loss, aux, gradient = gradient_of(case, partly(trial(case).batches[0], **none))
    assert float(loss) == 0 and float(aux.metrics["pairs"]) == 0
    assert all((leaf == 0).all() for leaf in jax.tree.leaves(gradient))
    close(aux.carry["stats"], trial(case).state.objective_state["stats"])
