"""Combine: one encoder, a sum of losses, memory by task."""

import dataclasses
import functools

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict

from ssljax.errors import UserError
from ssljax.models import build_encoder
from ssljax.objectives import Run, build_objective
from ssljax.objectives.net import key_of
from ssljax.training.output import find_output
from ssljax.training.step import make_train_step
from tests.objectives.cases import CASES
from tests.objectives.cases.combined import WORDS
from tests.objectives.cases.contrastive import SIMCLR
from tests.objectives.cases.masked import MAE
from tests.objectives.cases.small import HEAD, PAIR, SINGLE, VIT
from tests.objectives.conftest import BATCH, PAIRS, SPEC, make_batch, trial


def _build(**changes):
    section = {**CASES["combine"][1], **changes}
    run = Run(build_encoder(VIT), SPEC, steps=10, batch_size=BATCH)
    return build_objective(ConfigDict(section), run)


def test_components_are_shared_or_belong_to_a_task():
    params = trial("combine").state.params
    assert set(params) == {"encoder", "simclr/projector", "mae/decoder"}


def test_the_loss_is_the_weighted_sum():
    one = trial("combine")
    metrics = one.step(one.state, one.batches[0])[1]
    wanted = metrics["simclr/loss"] + 4.0 * metrics["mae/loss"]
    assert float(metrics["loss"]) == pytest.approx(float(wanted), rel=1e-6)


def test_a_weight_may_follow_a_schedule():
    weights = {"mae": {"start": 1.0, "end": 0.0, "steps": 4}, "simclr": {"start": 0.5, "end": 2.0}}
    one, objective = trial("combine"), _build(weights=weights)

    @jax.jit
    def run(step):
        batch = {**one.batches[0], "row": jax.numpy.arange(BATCH)}
        return objective.value(
            one.state.params, one.state.objective_state, batch, key=jax.random.key(0), step=step
        )

    for step, (mae, simclr) in {0: (1.0, 0.5), 1: (0.75, 0.65), 9: (0.0, 1.85)}.items():
        loss, aux = run(step)
        wanted = mae * aux.metrics["mae/loss"] + simclr * aux.metrics["simclr/loss"]
        assert float(loss) == pytest.approx(float(wanted), rel=1e-5)


def test_memory_is_kept_by_task_and_refreshed_by_task():
    tasks = {
        "cluster": {"name": "deepcluster_v2", "views": PAIR, "prototypes": (4,), **HEAD},
        "simclr": SIMCLR,
    }
    objective = _build(tasks=tasks, weights={})
    assert objective.refresh_due(0) and not objective.refresh_due(1)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"tasks": {}, "weights": {}}, "combine has no task"),
        ({"weights": {"bert": 1.0}}, "name \\['bert'\\]; the tasks are"),
        ({"weights": {"mae": {"start": 1.0}}}, "objective.weights.mae lacks .*weights.mae.end"),
        ({"weights": {"mae": {"start": 1, "end": 0, "shape": "cos"}}}, "shape 'cos'"),
        (
            {"tasks": {"mine": {**SIMCLR, "temperature": 0.0}}, "weights": {}},
            "^objective.tasks.mine.temperature=0.0; it must be above 0",
        ),
        (
            {"tasks": {"mine": {**SIMCLR, "views": SINGLE}}, "weights": {}},
            "^objective.tasks.mine.views makes 1 view",
        ),
        ({"embed_with": "bert"}, "name \\['bert'\\]"),
        ({"tasks": {"mae": {**MAE, "maskratio": 0.5}}}, "did you mean 'objective.tasks.mae.mask"),
    ],
)
def test_bad_input_is_named(changes, message):
    with pytest.raises(UserError, match=message):
        _build(**changes)


def test_shared_components_must_have_equal_shapes():
    other = {**SIMCLR, "projector_dim": 4}
    objective = _build(
        tasks={"one": SIMCLR, "two": other}, weights={}, shared=("encoder", "projector")
    )
    with pytest.raises(UserError, match="task 'two' shares 'projector' with another task"):
        jax.eval_shape(objective.init_networks, jax.random.key(0))


def test_clip_and_simclr_share_the_encoder_of_images():
    tasks = {"clip": CASES["clip"][1], "simclr": SIMCLR}
    one = trial("clip").objective.run
    objective = build_objective(ConfigDict({"name": "combine", "tasks": tasks}), one)
    params, state = jax.jit(objective.init)(jax.random.key(0), jax.random.key(0))
    assert {"encoder", "clip/text_encoder", "clip/scale", "simclr/projector"} <= set(params)
    args = {"key": jax.random.key(1), "step": 0}
    loss, aux = jax.jit(objective.value)(params, state, make_batch(0, PAIRS), **args)
    wanted = aux.metrics["clip/loss"] + aux.metrics["simclr/loss"]
    assert float(loss) == pytest.approx(float(wanted), rel=1e-6)
    with pytest.raises(UserError, match="no task of combine uses it"):
        build_objective(ConfigDict({"name": "combine", "tasks": {"simclr": SIMCLR}}), one)


def test_fields_have_a_stem_each_and_one_trunk():
    one = trial("combine, fields")
    params = one.state.params
    assert set(params) == {
        "encoder/trunk",
        *(f"{name}/{part}" for name in ("pictures", "words") for part in ("encoder", "decoder")),
    }
    assert "trunk" not in params["pictures/encoder"] and "token_embed" in params["words/encoder"]

    def value(params, batch):
        key = jax.random.key(0)
        return one.objective.value(params, one.state.objective_state, batch, key=key, step=0)

    batch = {**one.batches[0], "row": np.arange(BATCH)}
    of_both = jax.jit(jax.value_and_grad(value, has_aux=True))
    (loss, aux), gradient = jax.device_get(of_both(params, batch))
    parts = [aux.metrics[f"{name}/loss"] for name in ("pictures", "words")]
    assert float(loss) == pytest.approx(float(sum(parts)), rel=1e-6) and aux.weight is None
    assert all((leaf != 0).any() for leaf in jax.tree.leaves(gradient["encoder/trunk"]))

    # The gradient of the trunk is the sum of those of the tasks by themselves.
    def alone(trunk, name):
        own = one.objective._of(name, {**params, "encoder/trunk": trunk})
        key = key_of(jax.random.key(0), name)
        task = one.objective.tasks[name]
        return task.value(own, one.state.objective_state[name], batch, key=key, step=0)[0]

    of_each = jax.jit(jax.grad(alone), static_argnums=1)
    each = [
        jax.device_get(of_each(params["encoder/trunk"], name)) for name in ("pictures", "words")
    ]
    total = jax.tree.map(lambda a, b: a + b, *each)
    largest = max(float(abs(leaf).max()) for leaf in jax.tree.leaves(total))
    for a, b in zip(
        jax.tree.leaves(total), jax.tree.leaves(gradient["encoder/trunk"]), strict=True
    ):
        np.testing.assert_allclose(a, b, atol=1e-5 * largest)


def test_outputs_are_of_every_field_that_a_batch_has():
    one = trial("combine, fields")
    see = functools.partial(
        jax.eval_shape, one.objective.outputs, one.state.params, one.state.objective_state
    )
    assert set(see(one.batches[0])) == {"image", "tokens/image", "text", "tokens/text"}
    text = {"text": one.batches[0]["text"], "id": one.batches[0]["id"]}
    assert set(see(text)) == {"text", "tokens/text"}
    layers = functools.partial(
        one.objective.layers, one.state.params, one.state.objective_state, text
    )
    assert jax.eval_shape(functools.partial(layers, "text")).shape == (BATCH, 2, 2, 16)


@pytest.mark.parametrize(("embed_with", "first"), [("", "image"), ("words", "text")])
def test_the_first_output_is_that_of_the_task_to_embed_with(embed_with, first):
    one = trial("combine, fields")
    objective = dataclasses.replace(one.objective, embed_with=embed_with)
    fields = {name: field for name, field in objective.run.spec.fields.items() if name != "label"}
    found = find_output(objective, one.state.params, one.state.objective_state, fields)
    assert found.name == first and set(found.fields) == {first}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tasks": {"a": {**WORDS, "field": "sound"}}}, "unknown field of .*tasks.a.field 'sound'"),
        ({"tasks": {"a": MAE}}, "'text', and no task of combine uses it; .* 'field': 'text'"),
        ({"tasks": {"encoder": MAE, "b": WORDS}}, "call the task otherwise"),
    ],
)
def test_fields_that_no_task_reads_are_named(changes, said):
    objective = trial("combine, fields").objective
    section = {**CASES["combine, fields"][1], **changes}
    with pytest.raises(UserError, match=said):
        build_objective(ConfigDict(section), objective.run)


def test_micro_batches_of_texts_are_refused():
    one = trial("combine, fields")
    with pytest.raises(UserError, match="accumulate=2 would change the result"):
        make_train_step(one.objective, one.optimizer, seed=0, accumulate=2)
