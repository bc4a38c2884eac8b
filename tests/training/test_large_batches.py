"""Large batches: logits by blocks in a ring, the encoder's batch in parts, through an objective."""

import re

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict

from ssljax.errors import UserError
from ssljax.models import build_encoder
from ssljax.objectives import Run, build_objective
from ssljax.spec import image_spec
from ssljax.training.config import complete
from ssljax.training.experiment import build
from ssljax.training.sharding import batch_sharding, make_mesh
from tests.objectives.cases import CASES, FURTHER
from tests.objectives.cases.small import POOLED_VIT
from tests.objectives.conftest import TEXT, texts

BATCH, QUEUE = 24, 72  # sizes that no layer has
SPEC = image_spec(shape=(8, 8, 1), mean=(0.3,), std=(0.4,), num_examples=QUEUE).replace(text=TEXT)
METHODS = ["clip", "simclr", "dcl", "supcon", "moco_v2", "moco_v3", "nnclr", "npid, whole bank"]


def objective_of(method, *, chunks, block):
    encoder = build_encoder({**POOLED_VIT, "grad_cache": chunks})
    further = {
        name: build_encoder({**fields, "grad_cache": chunks}, SPEC.fields[name])
        for name, fields in FURTHER.get(method, {}).items()
    }
    run = Run(encoder, SPEC, steps=10, batch_size=BATCH, encoders=further)
    section = {**CASES[method][1], "logits_block": block}
    if "queue_size" in section:
        section["queue_size"] = QUEUE
    return build_objective(ConfigDict(section), run)


def batch():
    images = np.random.default_rng(1).integers(0, 256, (BATCH, 8, 8, 1)).astype(np.uint8)
    one = np.arange(BATCH, dtype=np.int32)
    text = texts([str(number) for number in one])
    return {"image": images, "text": text, "id": one, "row": one, "label": one % 5}


def value_and_gradient(objective, memory, batch):
    def loss(params):
        return objective.value(params, memory, batch, key=jax.random.key(1), step=2)[0]

    return jax.value_and_grad(loss)


@pytest.mark.parametrize("method", ["simclr", "moco_v3", "clip"])
def test_blocks_and_parts_change_neither_loss_nor_gradient(method):
    plain = objective_of(method, chunks=1, block=0)
    saving = objective_of(method, chunks=3, block=2)
    key = jax.random.key(0)
    params, memory = jax.jit(plain.init)(key, key)

    def run(objective, placed):
        return jax.jit(lambda p, m, b: value_and_gradient(objective, m, b)(p))(
            params, memory, placed
        )

    expected = run(plain, batch())
    mesh = make_mesh({"data": 2, "fsdp": 2, "tensor": 2})
    with jax.set_mesh(mesh):
        result = run(saving, jax.device_put(batch(), batch_sharding(mesh)))
    np.testing.assert_allclose(result[0], expected[0], rtol=1e-5)
    scale = max(float(np.abs(leaf).max()) for leaf in jax.tree.leaves(expected[1]))
    for one, other in zip(jax.tree.leaves(result[1]), jax.tree.leaves(expected[1]), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5 * max(scale, 1))


@pytest.mark.parametrize("method", METHODS)
def test_in_blocks_no_step_of_the_program_has_all_logits(method):
    def logits(block):
        objective = objective_of(method, chunks=1, block=block)
        params, memory = jax.eval_shape(objective.init, jax.random.key(0), jax.random.key(0))
        program = jax.make_jaxpr(
            lambda p, m, b: value_and_gradient(objective, m, b)(p), return_shape=False
        )(params, memory, batch())
        return re.findall(rf"f32\[{BATCH},(?:{BATCH}|{QUEUE})\]", str(program))

    assert logits(block=0) and not logits(block=4)


def test_the_train_step_sends_the_columns_round_the_mesh_of_the_config():
    config = complete(
        {
            "batch_size": BATCH,
            "encoder": POOLED_VIT,
            "objective": {**CASES["simclr"][1], "logits_block": 2},
            "mesh": {"data": 2, "fsdp": 2, "tensor": 2},
        }
    )
    text = build(config, SPEC).trace_step().lower().as_text()
    permutations = re.findall(r"collective_permute.*source_target_pairs = dense<(\[.*?\])>", text)
    assert permutations and set(permutations) == {str([[i, (i + 1) % 8] for i in range(8)])}


def test_a_negative_block_is_named():
    with pytest.raises(UserError, match=r"objective\.logits_block=-1; it must be at least 0"):
        objective_of("simclr", chunks=1, block=-1)
