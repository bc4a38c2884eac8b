"""Losses of all pairs of a batch: in blocks, in a ring, and what they hold in memory."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from ssljax import losses

BATCH, DIM, QUEUE = 48, 6, 80

# Functions of two arrays [B, D], a temperature and (SigLIP's) a bias, all of which get a gradient.
LOSSES = {
    "nt_xent": lambda a, b, t, _, **block: losses.nt_xent(a, b, temperature=t, **block),
    "dcl": lambda a, b, t, _, **block: losses.dcl(a, b, temperature=t, **block),
    "dclw": lambda a, b, t, _, **block: losses.dclw(a, b, temperature=t, sigma=0.5, **block),
    "sup_con": lambda a, b, t, _, **block: losses.sup_con(
        a, b, jnp.arange(len(a)) % 5 - 1, temperature=t, **block
    ),
    "info_nce": lambda a, b, t, _, **block: losses.info_nce(
        a, b, _queue(a), temperature=t, **block
    ),
    "batch_info_nce": lambda a, b, t, _, **block: losses.batch_info_nce(
        a, b, temperature=t, **block
    ),
    "non_parametric_softmax": lambda a, b, t, _, **block: losses.non_parametric_softmax(
        a, jnp.arange(len(a)), _queue(a), temperature=t, **block
    ),
    "clip": lambda a, b, t, _, **block: losses.clip(a, b, temperature=t, **block),
    "siglip": lambda a, b, t, bias, **block: losses.siglip(a, b, temperature=t, bias=bias, **block),
}
every_loss = pytest.mark.parametrize("name", LOSSES)


def _queue(like):
    return jnp.sin(jnp.arange(QUEUE * like.shape[1], dtype=jnp.float32)).reshape(QUEUE, -1)


def with_gradient(name, block):
    """Return (losses [B], gradients) as a function of both inputs, temperature and bias."""

    def weighted(*inputs):
        loss = LOSSES[name](*inputs, block=block)
        return jnp.sum(loss * jnp.linspace(0.5, 1.5, len(loss))), loss

    return jax.jit(jax.value_and_grad(weighted, argnums=(0, 1, 2, 3), has_aux=True))


@functools.cache
def dense(name):
    return with_gradient(name, 0)(*inputs())


def inputs():
    a, b = jax.random.normal(jax.random.key(0), (2, BATCH, DIM))
    return a, b, jnp.float32(0.2), jnp.float32(-1.5)


def mesh_of(devices):
    """Return a mesh whose axes are not in one row, as those of training."""
    shape = {1: (1, 1, 1), 2: (2, 1, 1), 8: (2, 2, 2)}[devices]
    return Mesh(np.reshape(jax.devices()[:devices], shape), ("data", "fsdp", "tensor"))


def compare(result, expected):
    ((_, loss), gradients), ((_, true), slopes) = result, expected
    np.testing.assert_allclose(loss, true, rtol=1e-5, atol=1e-5)
    for one, other in zip(gradients, slopes, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5 * max(1, np.abs(other).max()))


@every_loss
@pytest.mark.parametrize("devices", [1, 2, 8])
def test_a_ring_gives_what_all_logits_at_once_give(name, devices):
    mesh = mesh_of(devices)
    rows = NamedSharding(mesh, PartitionSpec(("data", "fsdp")))
    a, b, *scalars = inputs()
    with jax.set_mesh(mesh):
        result = with_gradient(name, 4)(*jax.device_put((a, b), rows), *scalars)
    compare(result, dense(name))


@every_loss
def test_blocks_give_what_all_logits_at_once_give(name):
    # Of 48 rows, 8 at a time: the largest divisor up to 10.
    compare(with_gradient(name, 10)(*inputs()), dense(name))


def test_a_temperature_near_nothing_stays_exact_in_blocks():
    z1, z2 = jnp.eye(8), jnp.roll(jnp.eye(8), 1, axis=0)  # the pair is orthogonal, others agree
    loss, gradient = jax.jit(
        jax.value_and_grad(lambda z: jnp.mean(losses.nt_xent(z, z2, temperature=1e-3, block=2)))
    )(z1)
    assert float(loss) == pytest.approx(1000, rel=1e-5)
    assert np.isfinite(gradient).all()


def test_half_precision_is_accumulated_in_float32_in_blocks():
    a, b, *scalars = inputs()
    half = a.astype(jnp.bfloat16), b.astype(jnp.bfloat16)
    (_, loss), gradients = with_gradient("clip", 4)(*half, *scalars)
    rounded = (x.astype(jnp.float32) for x in half)
    (_, expected), _ = with_gradient("clip", 0)(*rounded, *scalars)
    assert loss.dtype == jnp.float32 and gradients[0].dtype == jnp.bfloat16
    np.testing.assert_allclose(loss, expected, rtol=1e-5, atol=1e-5)


def test_rows_that_do_not_divide_over_all_axes_are_cut_over_the_first():
    a, b, *scalars = inputs()  # 12 rows divide over data and fsdp, but not over tensor too
    with jax.set_mesh(mesh_of(8)):
        step = with_gradient("clip", 4)
        result = step(a[:12], b[:12], *scalars)
        program = step.lower(a[:12], b[:12], *scalars).as_text()
    compare(result, with_gradient("clip", 0)(a[:12], b[:12], *scalars))
    assert "[[0, 2], [2, 4], [4, 6], [6, 0], [1, 3], [3, 5], [5, 7], [7, 1]]" in program


@every_loss
def test_a_negative_block_is_refused(name):
    with pytest.raises(ValueError, match="block must be at least 0, got -1"):
        LOSSES[name](*inputs(), block=-1)


def temporaries(name, batch, dim, devices, block=0):
    """Return the bytes that the compiled loss with its gradient takes on each device."""
    mesh = Mesh(jax.devices()[:devices], ("data",))
    rows = NamedSharding(mesh, PartitionSpec("data"))
    z = jax.ShapeDtypeStruct((batch, dim), jnp.float32, sharding=rows)

    def loss(a, b):
        return jnp.mean(LOSSES[name](a, b, 0.1, -10.0, block=block))

    step = jax.jit(jax.value_and_grad(loss, (0, 1)), out_shardings=(None, (rows, rows)))
    with jax.set_mesh(mesh):
        compiled = step.lower(z, z).compile()
    return compiled.memory_analysis().temp_size_in_bytes


COUPLED = ["nt_xent", "dcl", "dclw", "sup_con"]


@pytest.mark.parametrize("name", COUPLED)
def test_4096_pairs_fit_into_200_mebibytes(name):
    assert temporaries(name, 4096, 256, devices=1) <= 200 * 2**20


@pytest.mark.parametrize("name", COUPLED)
def test_memory_is_divided_among_devices(name):
    # What is left undivided are the embeddings, which every device needs in full.
    assert temporaries(name, 4096, 256, devices=8) <= temporaries(name, 4096, 256, devices=1) / 4


@pytest.mark.parametrize("name", ["nt_xent", "sup_con", "clip", "siglip"])
def test_in_blocks_memory_grows_with_the_batch_and_not_with_its_square(name):
    sizes = [temporaries(name, batch, 512, 8, block=512) for batch in (2048, 8192, 32768)]
    # Four times the batch: 4 if it is the batch, 16 if it is its square, 8 between the two.
    assert sizes[1] < 8 * sizes[0] and sizes[2] < 8 * sizes[1]
    # 4,096 rows on a device, as of a batch of a million on 256 devices.
    assert sizes[2] < 256 * 2**20
