"""VQ-VAE: how codes move, where gradients go, and its use as a tokenizer."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import NamedSharding, PartitionSpec
from ml_collections import ConfigDict

from ssljax.errors import UserError
from ssljax.models import build_encoder
from ssljax.objectives import Run, build_objective
from ssljax.objectives.views import plain
from ssljax.ops.quantization import code_usage, code_vectors
from ssljax.training.sharding import batch_sharding, make_mesh
from tests.objectives.cases import CASES
from tests.objectives.cases.small import VIT
from tests.objectives.conftest import BATCH, SPEC, trial


def build(encoder=None, **changes):
    small, section = CASES["vq_vae"]
    run = Run(build_encoder(encoder or small), SPEC, steps=10, batch_size=BATCH)
    return build_objective(ConfigDict({**section, **changes}), run)


@jax.jit
def one_step():
    """Return the vectors [B N, D] of a batch, how each code is used, and the codebook after it."""
    one, key = trial("vq_vae"), jax.random.key(0)
    objective, params, state = one.objective, one.state.params, one.state.objective_state
    net, _ = objective.nets(params, state)
    z, ids = objective.encode(net, objective.views.stacked(key, one.batches[0])[:, 0])
    _, aux = objective.value(params, state, one.batches[0], key=key, step=0)
    _, after = objective.advance(params, state, aux.carry, step=0)
    return z.reshape(-1, z.shape[-1]), code_usage(z, ids, codes=objective.codes), after["codebook"]


def test_used_codes_are_running_means_and_the_others_vectors_of_the_batch():
    one, (vectors, usage, codebook) = trial("vq_vae"), one_step()
    before = one.state.objective_state["codebook"]
    counts = 0.99 * before["counts"] + 0.01 * usage["counts"]
    alive = np.asarray(counts >= one.objective.dead_below)
    assert 0 < alive.sum() < len(alive)
    means = (0.99 * before["sums"] + 0.01 * usage["sums"]) / counts[:, None]
    np.testing.assert_allclose(codebook["counts"][alive], counts[alive], rtol=1e-5)
    codes = np.asarray(code_vectors(codebook))
    np.testing.assert_allclose(codes[alive], means[alive], rtol=1e-4, atol=1e-6)
    distances = np.linalg.norm(codes[~alive][:, None] - np.asarray(vectors), axis=-1)
    assert distances.min(axis=1).max() < 1e-6
    assert len(set(distances.argmin(axis=1))) > 1  # at random


def test_all_tokens_of_the_batch_are_counted():
    _, usage, _ = one_step()
    assert float(usage["counts"].sum()) == pytest.approx(trial("vq_vae").objective.codes)


def test_the_codebook_moves_on_eight_devices_as_on_one():
    one = trial("vq_vae")
    mesh = make_mesh({"data": 8, "fsdp": 1, "tensor": 1})
    batch = jax.device_put(one.batches[0], batch_sharding(mesh))
    state = jax.device_put(one.state, NamedSharding(mesh, PartitionSpec()))
    codebooks = [
        one.step(*inputs)[0].objective_state["codebook"]
        for inputs in ((one.state, one.batches[0]), (state, batch))
    ]
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), *codebooks)


def test_reconstruction_alone_trains_the_encoder_and_no_gradient_moves_the_codes():
    one, objective = trial("vq_vae"), build(commitment=0.0)
    batch = {**one.batches[0], "row": np.arange(BATCH)}
    memory = one.state.objective_state

    def loss(params, codebook):
        known = {**memory, "codebook": codebook}
        return objective.value(params, known, batch, key=jax.random.key(0), step=0)[0]

    params, codebook = jax.jit(jax.grad(loss, (0, 1)))(one.state.params, memory["codebook"])
    for component in ("encoder", "to_code", "decoder"):
        assert max(float(np.abs(leaf).max()) for leaf in jax.tree.leaves(params[component])) > 0
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(codebook))


@pytest.mark.parametrize("encoder", [None, {**VIT, "pool": "mean"}], ids=["resnet", "vit"])
def test_tokens_are_the_ids_of_the_nearest_codes_on_the_grid_of_the_encoder(encoder):
    objective = build(encoder)
    batch = trial("vq_vae").batches[0]
    params, memory = jax.jit(objective.init)(jax.random.key(0), jax.random.key(1))
    images = plain(batch["image"], SPEC.fields["image"])

    @jax.jit
    def encode(params, memory):
        return objective.encode(objective.nets(params, memory, train=False)[0], images)[0]

    z = encode(params, memory)
    codes = np.asarray(z[:2, ::4].reshape(-1, 4))  # tokens of two images
    memory["codebook"] = {"counts": 2 * jnp.ones(len(codes)), "sums": 2 * codes}
    frozen = {name: params[name] for name in ("encoder", "to_code")}
    ids = jax.jit(objective.tokenize)(frozen, memory, images)
    assert ids.shape == (BATCH, 16) and ids.dtype == jnp.int32
    distances = np.linalg.norm(np.asarray(z)[:, :, None] - codes, axis=-1)
    chosen = np.take_along_axis(distances, np.asarray(ids)[..., None], axis=-1)[..., 0]
    np.testing.assert_allclose(chosen, distances.min(axis=-1), atol=1e-3)
    assert len(np.unique(ids)) > 2


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("codes", 0),
        ("code_dim", -1),
        ("dead_below", 0.0),
        ("codebook_decay", 1.0),
        ("commitment", -0.1),
    ],
)
def test_a_value_out_of_range_is_named(field, value):
    with pytest.raises(UserError, match=f"objective.{field}={value}; it must be"):
        build(**{field: value})
