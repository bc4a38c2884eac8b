import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from ssljax.ops.keys import key_for, per_example


def same(a, b):
    return bool(jnp.all(jax.random.key_data(a) == jax.random.key_data(b)))


def test_seed_stream_and_step_all_matter():
    keys = [
        key_for(seed, stream, step)
        for seed in (0, 1, 2**32 - 1)
        for stream in ("loss", "params")
        for step in (0, 1, 1000)
    ]
    words = {tuple(np.asarray(jax.random.key_data(key)).tolist()) for key in keys}
    assert len(words) == len(keys)


def test_traced_step_is_the_number():
    assert same(jax.jit(lambda s: key_for(3, "loss", s))(jnp.int32(5)), key_for(3, "loss", 5))


def test_another_process_derives_the_same_key():
    code = (
        "import jax; from ssljax.ops.keys import key_for;"
        "print(jax.random.key_data(key_for(3, 'loss', 5)).tolist())"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == str(jax.random.key_data(key_for(3, "loss", 5)).tolist())


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_seed_out_of_range(seed):
    with pytest.raises(ValueError, match=f"seed must be at least 0 .* got {seed}"):
        key_for(seed, "loss", 0)


def test_example_keys_depend_on_the_position_alone():
    key = key_for(0, "loss", 0)
    keys = per_example(key, 16)
    assert same(keys[4:8], per_example(key, jnp.arange(4, 8)))
    assert len(np.unique(jax.random.key_data(keys), axis=0)) == 16


def test_draws_are_equal_on_one_and_eight_devices():
    mesh = Mesh(jax.devices(), ("data",))
    sharded = jax.device_put(jnp.arange(16), NamedSharding(mesh, PartitionSpec("data")))

    @jax.jit
    def draw(positions):
        return jax.vmap(jax.random.normal)(per_example(jax.random.key(0), positions))

    np.testing.assert_array_equal(draw(sharded), draw(jnp.arange(16)))


def test_rows_of_a_wrong_rank():
    with pytest.raises(ValueError, match=r"rows must have shape \[B\], got \[2, 2\]"):
        per_example(jax.random.key(0), jnp.zeros((2, 2), int))
