"""SEED: its teacher is given, and stays as it is."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from ssljax.errors import UserError
from ssljax.models import build_encoder
from ssljax.objectives import Run, build_objective
from tests.objectives.cases import CASES, table
from tests.objectives.conftest import BATCH, SPEC, SPECS, STEPS, trial

KEY = jax.random.key(0)


def test_the_teacher_is_remembered_and_never_changes():
    one = trial("seed_distillation")
    objective, params, state = one.objective, one.state.params, one.state.objective_state
    batch = {**one.batches[0], "row": jnp.arange(BATCH)}
    assert set(params) == {"encoder", "projector"}
    assert set(state["teacher"]) == {"params", "stats"}

    @jax.jit
    def step(params, state):
        def loss(params, teacher):
            return objective.value(params, {**state, "teacher": teacher}, batch, key=KEY, step=0)

        gradients, aux = jax.grad(loss, (0, 1), has_aux=True)(params, state["teacher"])
        return gradients, objective.advance(params, state, aux.carry, step=0)[1]

    (_, to_teacher), after = step(params, state)
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(to_teacher))
    jax.tree.map(np.testing.assert_array_equal, after["teacher"], state["teacher"])
    assert int(after["queue"]["cursor"]) == BATCH


def test_a_teacher_of_a_table_knows_its_columns():
    (field,) = SPECS["table"].fields.values()
    encoder = {"name": "table_transformer", "width": 8, "depth": 1, "heads": 2}
    section = {"name": "seed_distillation", "teacher_encoder": encoder, "queue_size": 32}
    run = Run(build_encoder(table.MLP, field), SPECS["table"], steps=STEPS, batch_size=BATCH)
    state = jax.eval_shape(build_objective(section, run).memory, KEY)
    embed = state["teacher"]["params"]["column_embed"]
    assert embed["embedding"].shape == (sum(field.cardinalities), 8)
    assert embed["bias"].shape == (len(field.cardinalities), 8)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"teacher_encoder": {}}, "objective.teacher_encoder is missing"),
        ({"teacher_objective": {"name": "simclr"}}, "teacher_objective"),
        ({"queue_size": 24}, "queue_size=24"),
        (
            {"teacher_encoder": table.MLP},
            "objective.teacher_encoder.name='table_mlp' encodes table data, .* modality image",
        ),
    ],
)
def test_what_does_not_fit_is_refused(fields, message):
    encoder, section = CASES["seed_distillation"]
    run = Run(build_encoder(encoder), SPEC, steps=STEPS, batch_size=BATCH)
    with pytest.raises(UserError, match=message):
        build_objective(ConfigDict({**section, **fields}), run)
