"""What holds for every objective: new ones are covered by adding a case."""

import contextlib
import dataclasses
import importlib
import json
import pathlib
import re

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict

from ssljax import objectives
from ssljax.errors import UserError
from ssljax.models import build_encoder
from ssljax.objectives import OBJECTIVES, Objective, build_objective, objective_class
from ssljax.training.checkpoint import Checkpointer
from ssljax.training.sharding import AXES, batch_sharding, make_mesh, replicated
from ssljax.training.sharding_rules import state_sharding
from ssljax.training.step import make_train_step
from ssljax.training.tree_paths import named_leaves
from tests.golden.compare import compared
from tests.objectives.cases import CASES
from tests.objectives.conftest import BATCH, each, evaluated_of, features_of, objective_of, trial
from tests.objectives.recorded import FILE, two_steps


def test_every_objective_has_a_case():
    assert {section["name"] for _, section in CASES.values()} == set(OBJECTIVES)
    assert set(OBJECTIVES) <= set(CASES)


def test_every_class_with_a_paper_is_found_by_the_name_of_its_file():
    classes = set()
    for file in pathlib.Path(objectives.__file__).parent.glob("*/*.py"):
        module = importlib.import_module(f"ssljax.objectives.{file.parent.name}.{file.stem}")
        own = [one for one in vars(module).values() if isinstance(one, type)]
        classes |= {
            (file.stem, one)
            for one in own
            if issubclass(one, Objective) and one.__module__ == module.__name__ and one.paper
        }
    assert classes == {(name, objective_class(name)) for name in set(OBJECTIVES) - {"combine"}}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_docstring_names_paper_and_code(name):
    text = objective_class(name).__doc__
    place = "neurips.cc" if name == "vime" else "arxiv.org"
    assert name == "combine" or (place in text and "Official code" in text)


@pytest.mark.parametrize("case", sorted(set(OBJECTIVES) - {"combine", "vime"}))
def test_the_paper_of_the_list_is_that_of_the_docstring(case):
    cls = objective_class(case)
    assert cls.paper.startswith("arXiv:") and cls.paper[6:] in cls.__doc__


# Official codes that leave their heads as PyTorch draws them: up to 1 / sqrt(fan in).
LEFT_TO_PYTORCH = (
    "barlow_twins deepcluster_v2 lejepa moco_v2 moco_v3 npid ressl simsiam supcon swav "
    "tico vicreg w_mse"
).split()


@pytest.mark.parametrize("case", map(each, [*LEFT_TO_PYTORCH, "simmim"]))
def test_heads_start_as_the_official_code_leaves_them(case):
    params = trial(case).state.params
    output = params["head" if case == "simmim" else "projector"]["output"]
    bound = len(output["kernel"]) ** -0.5
    for leaf in output.values():
        # The largest of n draws is below a share q of the bound with probability q^n.
        least = 1e-4 ** (1 / leaf.size)
        assert least * bound < np.abs(leaf).max() <= bound


UNCOUPLED = [
    each(case) for case in CASES if objective_class(CASES[case][1]["name"]).batch_coupled is False
]


@pytest.mark.parametrize("case", UNCOUPLED)
def test_micro_batches_add_up_where_the_loss_does_not_couple_the_batch(case):
    one = trial(case)
    halves = jax.jit(make_train_step(one.objective, one.optimizer, seed=0, accumulate=2))
    (state, metrics), (wanted, whole) = (
        step(one.state, one.batches[0]) for step in (halves, one.step)
    )
    np.testing.assert_allclose(metrics["loss"], whole["loss"], rtol=1e-5)
    gradient, expected = map(_gradient, (named_leaves(state), named_leaves(wanted)))
    scale = max(1, np.abs(expected).max())
    assert np.abs(gradient - expected).max() < 1e-5 * scale


# `make test-meshes` takes the meshes without one of the axes.
ON_DEVICES = [
    *(
        pytest.param(case, (2, 2, 2), marks=each(case).marks, id=f"{case}-(2, 2, 2)")
        for case in sorted(CASES)
    ),
    *(
        pytest.param(case, sizes, marks=pytest.mark.meshes, id=f"{case}-{sizes}")
        for case in sorted(CASES)
        for sizes in ((8, 1, 1), (2, 4, 1))
    ),
]


@pytest.mark.parametrize(("case", "sizes"), ON_DEVICES)
def test_training_on_eight_devices_is_that_on_one(case, sizes):
    """Each of six steps begins with the state that one device made of the last: what rounding
    moves across a kink of ReLU, the steps that follow would magnify."""
    one, mesh = trial(case), make_mesh(dict(zip(AXES, sizes, strict=True)))
    shardings = state_sharding(mesh, one.state, names=evaluated_of(case)[2], min_size=16)
    state = jax.tree.map(np.array, one.state)  # on no device: what is there will be donated
    on_mesh = jax.device_put(state, shardings)
    batches = [jax.device_put(batch, batch_sharding(mesh)) for batch in one.batches]
    step = jax.jit(one.step, out_shardings=(shardings, replicated(mesh)), donate_argnums=0)
    with jax.set_mesh(mesh):
        compiled = step.lower(on_mesh, batches[0]).compile()
    held = sum(leaf.addressable_shards[0].data.nbytes for leaf in jax.tree.leaves(on_mesh))
    assert compiled.memory_analysis().alias_size_in_bytes == held  # no second copy of the state

    for number in range(6):
        found, metrics = compiled(jax.device_put(state, shardings), batches[number % 2])
        state, wanted = jax.tree.map(np.array, one.step(state, one.batches[number % 2]))
        np.testing.assert_allclose(metrics["loss"], wanted["loss"], rtol=1e-5)
        leaves, expected = named_leaves(jax.tree.map(np.array, found)), named_leaves(state)
        _assert_close(leaves, expected, 2e-4 if number else 2e-5)
        if number == 0:
            gradient, truth = map(_gradient, (leaves, expected))
            assert np.linalg.norm(gradient - truth) < 1e-5 * np.linalg.norm(truth)


ALONE = ("data2vec", "gpt", "hubert", "mae", "mae, audio", "mae, series", "mae, video", "tera")


@pytest.mark.parametrize("case", map(each, ALONE))
def test_devices_send_no_example_where_the_loss_does_not_compare_them(case):
    """They sum gradients, and that is all."""
    one, mesh = trial(case), make_mesh({"data": 8, "fsdp": 1, "tensor": 1})
    whole = replicated(mesh)
    state = jax.device_put(jax.tree.map(np.array, one.state), whole)
    batch = jax.device_put(one.batches[0], batch_sharding(mesh))
    with jax.set_mesh(mesh):
        step = jax.jit(one.step, out_shardings=(whole, whole))
        program = step.lower(state, batch).compile().as_text()
    sent = re.findall(r" (all-gather|all-to-all|collective-permute|all-reduce)\(", program)
    assert set(sent) == {"all-reduce"}


def _gradient(state):
    """Return the gradient of the first step: Adam's first moments are a tenth of it."""
    leaves = [np.ravel(leaf) for path, leaf in state.items() if "/mu/" in path]
    return 10 * np.concatenate(leaves)


def _assert_close(found, expected, bound):
    """Whole arrays: rounding moves a single number across a kink of ReLU, and so further."""
    for path, leaf in expected.items():
        if np.issubdtype(leaf.dtype, np.integer):
            np.testing.assert_array_equal(found[path], leaf, err_msg=path)
        else:
            error = np.sqrt(np.mean(np.square(found[path] - leaf)))
            assert error < bound * max(1, np.sqrt(np.mean(np.square(leaf)))), path


def test_a_step_trains_every_component(any_trial):
    one = _moving(any_trial)
    state, metrics = one.step(one.state, one.batches[0])
    assert np.isfinite(metrics["loss"]) and metrics["loss"] != 0
    assert not metrics["nonfinite"].any()
    assert int(state.step) == int(one.state.step) + 1
    for component in state.params:
        before, after = one.state.params[component], state.params[component]
        moved = [
            float(np.abs(a - b).max())
            for a, b in zip(jax.tree.leaves(before), jax.tree.leaves(after), strict=True)
        ]
        assert (max(moved) > 0) == (component not in one.objective.frozen), component


def test_two_steps_give_what_is_recorded(any_trial, request):
    case = request.node.callspec.params["any_trial"]
    told, far = compared(json.loads(FILE.read_text())[case], two_steps(any_trial))
    assert not far, f"{told}. If that is meant: python -m tests.objectives.recorded"


def _moving(one):
    """Return a trial whose loss depends on all its parameters: word2vec's, and the maps by which
    LeWM's predictor sees actions, start at 0."""
    if type(one.objective).__name__ not in ("LeWM", "Word2Vec"):
        return one
    return dataclasses.replace(one, state=one.step(one.state, one.batches[0])[0])


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


def test_what_comes_back_from_a_checkpoint_goes_on_with_the_same_bits(any_trial, tmp_path):
    one = any_trial
    step, state = one.step, one.state
    for number in range(2):
        state, _ = step(state, one.batches[number])
    with contextlib.closing(Checkpointer(tmp_path, keep_last=1)) as checkpoints:
        checkpoints.save(2, state, meta={})
        _, restored, _ = checkpoints.restore(jax.eval_shape(lambda: state))
    restored = jax.tree.map(np.array, restored)  # on no device, or the step is compiled once more
    whole, resumed = step(state, one.batches[0]), step(restored, one.batches[0])
    jax.tree.map(np.testing.assert_array_equal, resumed, whole)


def test_other_steps_see_other_random_numbers(any_trial):
    one = _moving(any_trial)
    losses = []
    for step in (0, 1):
        state = one.state.replace(step=jax.numpy.int32(step))
        losses.append(float(one.step(state, one.batches[0])[1]["loss"]))
    drawn = type(one.objective).__name__ != "GPT"  # which has nothing to draw
    assert (losses[0] != losses[1]) == drawn


def test_embedding_is_of_one_example_at_a_time(any_trial):
    one, batch = any_trial, any_trial.batches[0]
    embed = jax.jit(features_of(one.objective))
    whole = embed(one.state.params, one.state.objective_state, batch)
    half = embed(
        one.state.params, one.state.objective_state, {k: v[: BATCH // 2] for k, v in batch.items()}
    )
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
    # The first rows of a queue are random and easy to tell apart from an example; once they are
    # real, the loss starts to fall.
    queued = ("MoCo", "Distillation")
    first = 5 if any(name in type(one.objective).__name__ for name in queued) else 0
    assert np.mean(losses[-5:]) < np.mean(losses[first : first + 5]), losses


@pytest.mark.parametrize("case", CASES)
def test_a_misspelt_field_is_named(case):
    encoder, section = CASES[case]
    with pytest.raises(ValueError, match="did you mean"):
        build_objective(
            {**section, next(k for k in section if k != "name")[:-1] + "z": 1},
            objective_of(case).run,
        )


# Found by the gradients of one, two and three examples: where it is 0, or that of the encoder falls
# by two orders of magnitude.
SMALLEST = {
    **dict.fromkeys(("barlow_twins", "byol", "moco_v3", "nnclr", "simsiam"), 3),
    "paired_barlow_twins": 3,
    "ge2e": 4,
    **dict.fromkeys(("combine", "dcl", "deepcluster_v2", "dinov2", "lejepa", "msn", "ressl"), 2),
    **dict.fromkeys(("online_distillation", "simclr", "supcon", "swav", "tico", "vicreg"), 2),
    **dict.fromkeys(("bert", "bind", "clip", "coca", "paired_vicreg", "simcse", "ts2vec"), 2),
    **dict.fromkeys(("curl", "lewm", "vime"), 2),
}


@pytest.mark.parametrize("case", SMALLEST)
def test_a_batch_too_small_to_compare_is_refused(case):
    encoder, section = CASES[case]
    few = dataclasses.replace(objective_of(case).run, batch_size=SMALLEST[case] - 1)
    with pytest.raises(UserError, match=f"set batch_size to at least {SMALLEST[case]}"):
        build_objective(section, few)


@pytest.mark.parametrize("case", sorted(set(OBJECTIVES) - set(SMALLEST) - {"w_mse"}))
def test_an_example_alone_is_enough_where_none_are_compared(case):
    encoder, section = CASES[case]
    build_objective(section, dataclasses.replace(objective_of(case).run, batch_size=1))


@pytest.mark.parametrize("case", map(each, sorted(CASES)))
def test_bfloat16_compute_keeps_parameters_memory_and_loss_in_float32(case):
    encoder, section = CASES[case]
    run = trial(case).objective.run
    run = dataclasses.replace(
        run, encoder=build_encoder({**encoder, "dtype": "bfloat16"}, run.field)
    )
    one = dataclasses.replace(trial(case), objective=build_objective(ConfigDict(section), run))
    jaxpr, (state, metrics) = jax.make_jaxpr(one.step, return_shape=True)(one.state, one.batches[0])
    floats = [x for x in jax.tree.leaves((state, metrics)) if np.issubdtype(x.dtype, np.floating)]
    assert {leaf.dtype for leaf in floats} == {np.dtype("float32")}
    assert "bf16[" in str(jaxpr)  # and the work is done in bfloat16


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
        build_objective({**section, field: value}, objective_of(case).run)
