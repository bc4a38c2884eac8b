import collections

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from ssljax.ops.queue import enqueue, init_queue


def test_starts_with_random_unit_vectors():
    queue = init_queue(jax.random.key(0), rows=64, dim=16)
    np.testing.assert_allclose(jnp.linalg.norm(queue["rows"], axis=1), 1, rtol=1e-6)
    assert abs(float(queue["rows"].mean())) < 0.05
    assert int(queue["cursor"]) == 0
    other = init_queue(jax.random.key(1), rows=64, dim=16)
    assert not jnp.allclose(queue["rows"], other["rows"])


def test_drops_the_oldest():
    queue, model = init_queue(jax.random.key(0), rows=12, dim=2), collections.deque(maxlen=12)
    model.extend(tuple(row) for row in np.asarray(queue["rows"]).tolist())
    step = jax.jit(enqueue)
    for k in range(7):
        rows = jnp.full((4, 2), float(k)) + jnp.arange(4)[:, None] / 10
        queue = step(queue, rows)
        model.extend(tuple(row) for row in np.asarray(rows).tolist())
        assert sorted(map(tuple, np.asarray(queue["rows"]).tolist())) == sorted(model)
        assert int(queue["cursor"]) == 4 * (k + 1) % 12


@pytest.mark.parametrize("spec", [PartitionSpec(), PartitionSpec("data")])
def test_same_on_eight_devices(spec):
    mesh = Mesh(jax.devices(), ("data",))
    start = init_queue(jax.random.key(0), rows=48, dim=4)
    places = {"rows": NamedSharding(mesh, spec), "cursor": NamedSharding(mesh, PartitionSpec())}
    one, eight = start, jax.device_put(start, places)
    step = jax.jit(enqueue, out_shardings=places)
    for k in range(4):
        rows = jax.random.normal(jax.random.key(k), (16, 4))
        one = enqueue(one, rows)
        eight = step(eight, jax.device_put(rows, NamedSharding(mesh, PartitionSpec("data"))))
    jax.tree.map(np.testing.assert_array_equal, one, eight)


def test_rows_are_constants_of_the_queues_dtype():
    queue = init_queue(jax.random.key(0), rows=4, dim=2)
    gradient = jax.grad(lambda rows: enqueue(queue, rows)["rows"].sum())(jnp.ones((2, 2)))
    assert not gradient.any()
    assert enqueue(queue, jnp.ones((2, 2), jnp.bfloat16))["rows"].dtype == jnp.float32


def test_mismatches_are_refused():
    queue = init_queue(jax.random.key(0), rows=12, dim=2)
    with pytest.raises(ValueError, match="capacity 12 must be a multiple of the batch size 5"):
        enqueue(queue, jnp.ones((5, 2)))
    with pytest.raises(ValueError, match=r"rows must have shape \[B, 2\], got \[4, 3\]"):
        enqueue(queue, jnp.ones((4, 3)))
    with pytest.raises(ValueError, match="dim must be positive, got 0"):
        init_queue(jax.random.key(0), rows=12, dim=0)
