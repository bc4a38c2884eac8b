"""Losses of all pairs of a batch: what they hold in memory."""

import functools

import jax
import jax.numpy as jnp
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from ssljax import losses

LOSSES = {
    "nt_xent": functools.partial(losses.nt_xent, temperature=0.1),
    "dcl": functools.partial(losses.dcl, temperature=0.1),
    "dclw": functools.partial(losses.dclw, temperature=0.1, sigma=0.5),
    "sup_con": functools.partial(losses.sup_con, temperature=0.1),
}


def temporaries(name, batch, dim, devices):
    mesh = Mesh(jax.devices()[:devices], ("data",))
    rows = NamedSharding(mesh, PartitionSpec("data"))
    z = jax.ShapeDtypeStruct((batch, dim), jnp.float32, sharding=rows)
    labels = jax.ShapeDtypeStruct((batch,), jnp.int32, sharding=rows)
    rest = (labels,) if name == "sup_con" else ()
    step = jax.value_and_grad(lambda a, b, *rest: jnp.mean(LOSSES[name](a, b, *rest)), (0, 1))
    compiled = jax.jit(step, out_shardings=(None, (rows, rows))).lower(z, z, *rest).compile()
    return compiled.memory_analysis().temp_size_in_bytes


@pytest.mark.parametrize("name", LOSSES)
def test_4096_pairs_fit_into_200_mebibytes(name):
    assert temporaries(name, 4096, 256, devices=1) <= 200 * 2**20


@pytest.mark.parametrize("name", LOSSES)
def test_memory_is_divided_among_devices(name):
    # What is left undivided are the embeddings, which every device needs in full.
    assert temporaries(name, 4096, 256, devices=8) <= temporaries(name, 4096, 256, devices=1) / 4
