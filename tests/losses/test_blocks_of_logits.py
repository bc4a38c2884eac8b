"""Logits in blocks, on several devices: the same gradients, summed over devices once."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from ssljax.losses import causal_lm

EXAMPLES, LENGTH, WIDTH, VOCAB = 16, 12, 8, 32


def _gradient(block):
    ids = jax.random.randint(jax.random.key(2), (EXAMPLES, LENGTH), 0, VOCAB)
    segments = jnp.ones((EXAMPLES, LENGTH), jnp.int32)

    def loss(vectors, features):
        return jnp.mean(causal_lm(features, vectors, ids, segments=segments, block=block))

    return jax.grad(loss, (0, 1))


@pytest.mark.parametrize(
    ("shape", "vectors"),
    (
        ((8, 1, 1), PartitionSpec()),
        ((2, 4, 1), PartitionSpec(None, "fsdp")),
        ((2, 2, 2), PartitionSpec("tensor")),
    ),
)
def test_gradients_of_the_vectors_are_summed_over_devices_once(shape, vectors):
    features = jax.random.normal(jax.random.key(0), (EXAMPLES, LENGTH, WIDTH))
    embedding = jax.random.normal(jax.random.key(1), (VOCAB, WIDTH))
    wanted = _gradient(0)(embedding, features)
    mesh = jax.make_mesh(shape, ("data", "fsdp", "tensor"), axis_types=(AxisType.Auto,) * 3)
    with jax.set_mesh(mesh):
        rows = NamedSharding(mesh, PartitionSpec(("data", "fsdp")))
        inputs = (
            jax.device_put(embedding, NamedSharding(mesh, vectors)),
            jax.device_put(features, rows),
        )
        made = jax.jit(_gradient(4)).lower(*inputs).compile()
        found = made(*inputs)
    for one, two in zip(wanted, found, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-6)
    if shape[2] == 1:  # else sums over the vocabulary are in the loop, of numbers for each token
        sums = [part for part in re.split(r"\n\n", made.as_text()) if " all-reduce" in part]
        assert sums and all(part.lstrip().startswith("ENTRY") for part in sums)
