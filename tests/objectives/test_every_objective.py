"""What holds for every objective: new ones are covered by adding a case."""

import dataclasses

import jax
import numpy as np
import pytest
from jax.sharding import NamedSharding, PartitionSpec
from ml_collections import ConfigDict

from ssljax.models import build_encoder
from ssljax.objectives import OBJECTIVES, build_objective, objective_class
from ssljax.training.layout import state_sharding
from ssljax.training.paths import named_leaves
from ssljax.training.sharding import batch_sharding, make_mesh
from tests.objectives.cases import CASES
from tests.objectives.conftest import BATCH, trial

# The batch over all eight, and large arrays over four: the mesh of eight in which most can differ.
MESH = {"data": 2, "fsdp": 4, "tensor": 1}


def test_every_objective_has_a_case():
    assert set(CASES) == set(OBJECTIVES)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_docstring_names_paper_and_code(name):
    text = objective_class(name).__doc__
    assert name == "combine" or ("arxiv.org" in text and "Official code" in text)


@pytest.mark.parametrize("name", sorted(set(OBJECTIVES) - {"combine"}))
def test_the_memory_is_what_the_list_of_objectives_says(name):
    cls, memory = objective_class(name), trial(name).state.memory
    assert {key for key in memory if not key.endswith("stats")} == set(cls.keeps)
    assert cls.family and cls.paper.startswith("arXiv:") and cls.paper[6:] in cls.__doc__


UNCOUPLED = [
    case for case in CASES if objective_class(CASES[case][1]["name"]).batch_coupled is False
]


@pytest.mark.parametrize("case", UNCOUPLED)
def test_micro_batches_add_up_where_the_loss_does_not_couple_the_batch(case):
    one = trial(case)
    batch, state = one.batches[0], (one.state.params, one.state.memory)
    whole = one.value_and_gradient(*state, batch)
    halves = ({k: v[i::2] for k, v in batch.items()} for i in range(2))
    parts = [one.value_and_gradient(*state, half) for half in halves]
    mean = jax.tree.map(lambda a, b: (a + b) / 2, *parts)
    scale = max(float(np.abs(leaf).max()) for leaf in jax.tree.leaves(whole[1]))
    errors = jax.tree.map(lambda a, b: float(np.abs(a - b).max()), whole, mean)
    assert max(jax.tree.leaves(errors)) < 1e-5 * max(scale, 1)


def test_loss_and_gradient_on_eight_devices_are_those_of_one(any_trial):
    one, state, batch = any_trial, any_trial.state, any_trial.batches[0]
    mesh = make_mesh(MESH)
    shardings = state_sharding(mesh, state, min_size=64)
    expected = one.value_and_gradient(state.params, state.memory, batch)
    sharded = jax.jit(
        one.loss_and_gradient,
        in_shardings=(shardings.params, shardings.memory, batch_sharding(mesh)),
        out_shardings=NamedSharding(mesh, PartitionSpec()),
    )(
        jax.device_put(state.params, shardings.params),
        jax.device_put(state.memory, shardings.memory),
        jax.device_put(batch, batch_sharding(mesh)),
    )
    np.testing.assert_allclose(sharded[0], expected[0], rtol=1e-5)
    scale = max(float(np.abs(leaf).max()) for leaf in jax.tree.leaves(expected[1]))
    for path, leaf in named_leaves(expected[1]).items():
        other = named_leaves(sharded[1])[path]
        np.testing.assert_allclose(other, leaf, atol=1e-5 * max(scale, 1), err_msg=path)


def test_a_step_trains_every_component(any_trial):
    one = any_trial
    state, metrics = one.step(one.state, one.batches[0])
    assert np.isfinite(metrics["loss"]) and metrics["loss"] != 0
    assert not metrics["nonfinite"].any()
    assert int(state.step) == 1
    for component in state.params:
        before, after = one.state.params[component], state.params[component]
        moved = [
            float(np.abs(a - b).max())
            for a, b in zip(jax.tree.leaves(before), jax.tree.leaves(after), strict=True)
        ]
        assert max(moved) > 0, component


def test_the_state_keeps_its_shapes_and_dtypes(any_trial):
    one = any_trial
    after = jax.eval_shape(one.step, one.state, one.batches[0])[0]
    assert jax.tree.structure(after) == jax.tree.structure(one.state)
    for path, leaf in named_leaves(one.state).items():
        other = named_leaves(after)[path]
        assert (leaf.shape, leaf.dtype) == (other.shape, other.dtype), path


def test_a_step_is_a_function_of_state_and_batch(any_trial):
    one = any_trial
    step = one.step
    first, second = step(one.state, one.batches[0]), step(one.state, one.batches[0])
    jax.tree.map(np.testing.assert_array_equal, first, second)


def test_other_steps_see_other_random_numbers(any_trial):
    one = any_trial
    losses = []
    for step in (0, 1):
        state = one.state.replace(step=jax.numpy.int32(step))
        losses.append(float(one.step(state, one.batches[0])[1]["loss"]))
    assert losses[0] != losses[1]


def test_embedding_is_of_one_example_at_a_time(any_trial):
    one, batch = any_trial, any_trial.batches[0]
    embed = jax.jit(one.objective.embed)
    whole = embed(one.state.params, one.state.memory, batch)
    half = embed(one.state.params, one.state.memory, {k: v[: BATCH // 2] for k, v in batch.items()})
    assert whole.shape[0] == BATCH and whole.ndim == 2 and whole.dtype == np.float32
    np.testing.assert_allclose(whole[: BATCH // 2], half, rtol=1e-4, atol=1e-5)


def test_the_loss_falls(any_trial):
    """Thirty steps on the same images: any objective that learns gets better at them."""
    one, losses = any_trial, []
    step, state = one.step, any_trial.state
    # A game is lost by some as it is won by others: what falls is the discriminator's own loss.
    falls = "discriminator_loss" if "BiGAN" in type(one.objective).__name__ else "loss"
    for _ in range(30):
        state, metrics = step(state, one.batches[0])
        losses.append(float(metrics[falls]))
    # MoCo's first negatives are random and easy; once they are real, its loss starts to fall.
    first = 5 if "MoCo" in type(one.objective).__name__ else 0
    assert np.mean(losses[-5:]) < np.mean(losses[first : first + 5]), losses


@pytest.mark.parametrize("case", CASES)
def test_a_misspelt_field_is_named(case):
    encoder, section = CASES[case]
    with pytest.raises(ValueError, match="did you mean"):
        build_objective(
            {**section, next(k for k in section if k != "name")[:-1] + "z": 1},
            trial(case).objective.run,
        )


@pytest.mark.parametrize("case", CASES)
def test_bfloat16_compute_keeps_parameters_memory_and_loss_in_float32(case):
    encoder, section = CASES[case]
    run = trial(case).objective.run
    run = dataclasses.replace(run, encoder=build_encoder({**encoder, "dtype": "bfloat16"}))
    one = dataclasses.replace(trial(case), objective=build_objective(ConfigDict(section), run))
    state, metrics = jax.eval_shape(one.step, one.state, one.batches[0])
    floats = [x for x in jax.tree.leaves((state, metrics)) if np.issubdtype(x.dtype, np.floating)]
    assert {leaf.dtype for leaf in floats} == {np.dtype("float32")}
    text = str(jax.make_jaxpr(one.step)(one.state, one.batches[0]))
    assert "bf16[" in text  # and the work is done in bfloat16


def _fields(case):
    _, section = CASES[case]
    fields = dataclasses.fields(objective_class(section["name"]))
    return {field.name for field in fields if field.type is float}


@pytest.mark.parametrize(
    ("case", "field"),
    [
        (case, name)
        for case in CASES
        for name in sorted(_fields(case))
        if "temperature" in name or name.endswith("momentum")
    ],
)
def test_a_temperature_of_zero_and_a_momentum_above_one_are_named(case, field):
    encoder, section = CASES[case]
    value = 0.0 if "temperature" in field else 1.5
    with pytest.raises(ValueError, match=f"{field}={value}"):
        build_objective({**section, field: value}, trial(case).objective.run)
