"""Combine: one encoder, a sum of losses, memory by task."""

import jax
import pytest
from ml_collections import ConfigDict

from ssljax.errors import UserError
from ssljax.models import build_encoder
from ssljax.objectives import Run, build_objective
from tests.objectives.cases import CASES
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
        objective.init_params(jax.random.key(0))


def test_clip_and_simclr_share_the_encoder_of_images():
    tasks = {"clip": CASES["clip"][1], "simclr": SIMCLR}
    one = trial("clip").objective.run
    objective = build_objective(ConfigDict({"name": "combine", "tasks": tasks}), one)
    params = jax.jit(objective.init_params)(jax.random.key(0))
    assert {"encoder", "clip/text_encoder", "clip/scale", "simclr/projector"} <= set(params)
    state = jax.jit(objective.init_state)(jax.random.key(0), params)
    args = {"key": jax.random.key(1), "step": 0}
    loss, aux = jax.jit(objective.value)(params, state, make_batch(0, PAIRS), **args)
    wanted = aux.metrics["clip/loss"] + aux.metrics["simclr/loss"]
    assert float(loss) == pytest.approx(float(wanted), rel=1e-6)
    with pytest.raises(UserError, match="every task of combine uses config.encoder alone"):
        build_objective(ConfigDict({"name": "combine", "tasks": {"simclr": SIMCLR}}), one)
