import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AbstractDevice, AbstractMesh, AxisType, use_abstract_mesh

from ssljax.errors import UserError
from ssljax.models import Transformer, apply, init
from ssljax.models.attention import LONG, attend, choose, fused
from ssljax.training.sharding import AXES, make_mesh

Q, K, V = jax.random.normal(jax.random.key(0), (3, 2, 2, 20, 8))
PADDED = jnp.array([[1] * 13 + [0] * 7, [1] * 5 + [2] * 11 + [0] * 4])


def expected(segments, causal):
    """Query by query, in float64."""
    q, k, v = (np.asarray(x, np.float64) for x in (Q, K, V))
    y = np.zeros_like(q)
    for b, h, n in np.ndindex(q.shape[:3]):
        seen = [
            m
            for m in range(q.shape[2])
            if (segments is None or segments[b, m] == segments[b, n]) and (m <= n or not causal)
        ]
        scores = np.exp([q[b, h, n] @ k[b, h, m] / 8**0.5 for m in seen])
        y[b, h, n] = scores / scores.sum() @ v[b, h, seen]
    return y


def cudnn_form(*args, segments, causal):
    """What "cudnn" calls, by another implementation: that one needs a GPU."""
    return fused(*args, segments, causal, implementation="xla")


def splash(*args, **kwargs):
    return attend(*args, **kwargs, kernel="splash")


@pytest.mark.parametrize("form", [attend, cudnn_form, splash])
@pytest.mark.parametrize("segments", [None, PADDED], ids=["all", "segments"])
@pytest.mark.parametrize("causal", [False, True], ids=["both ways", "causal"])
def test_every_kernel_against_numpy(form, segments, causal):
    run = jax.jit(lambda *args: form(*args, segments=segments, causal=causal))
    np.testing.assert_allclose(run(Q, K, V), expected(segments, causal), atol=2e-5)


@pytest.mark.parametrize("form", [cudnn_form, splash])
@pytest.mark.parametrize("segments", [None, PADDED], ids=["all", "segments"])
@pytest.mark.parametrize("count", [19, 20])
def test_gradients_are_those_of_the_plain_form(form, segments, count):
    inputs = [x[:, :, :count] for x in (Q, K, V)]
    segments = None if segments is None else segments[:, :count]

    def gradients(form):
        loss = lambda *args: jnp.sum(form(*args, segments=segments, causal=True) ** 2)  # noqa: E731
        return jax.jit(jax.value_and_grad(loss, argnums=(0, 1, 2)))(*inputs)

    for one, other in zip(*map(jax.tree.leaves, map(gradients, (form, attend))), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5, rtol=2e-6)


@pytest.mark.parametrize("sizes", [(2, 2, 2), (1, 1, 8), (8, 1, 1)], ids=str)
@pytest.mark.parametrize("segments", [None, PADDED], ids=["all", "segments"])
def test_the_kernel_on_a_mesh_is_that_on_one_device(sizes, segments):
    """A dimension that the mesh does not divide is whole on every device: 2 heads, 4 examples."""
    inputs = [jnp.concatenate([x, x[::-1]]) for x in (Q, K, V)]
    both = None if segments is None else jnp.concatenate([segments, segments[::-1]])

    def value_and_gradients(form):
        loss = lambda *args: jnp.sum(form(*args, segments=both, causal=True) ** 2)  # noqa: E731
        return jax.jit(jax.value_and_grad(loss, argnums=(0, 1, 2)))(*inputs)

    expected = value_and_gradients(attend)
    with jax.set_mesh(make_mesh(dict(zip(AXES, sizes, strict=True)))):
        found = value_and_gradients(splash)
    for one, other in zip(*map(jax.tree.leaves, (found, expected)), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5, rtol=2e-5)


@pytest.mark.parametrize("remat", ["none", "full"])
def test_a_trunk_on_a_mesh_with_the_kernel_is_the_plain_one(remat):
    x = jax.random.normal(jax.random.key(1), (4, 20, 16))
    trunks = [Transformer(2, 2, attention=kernel, remat=remat) for kernel in ("xla", "splash")]
    params, _ = init(trunks[0], jax.random.key(0), x)

    def gradients(trunk):
        def loss(params):
            return jnp.mean(apply(trunk, params, {}, x, train=True)[0] ** 4)

        return jax.tree.leaves(jax.jit(jax.value_and_grad(loss))(params))

    plain, kernel = trunks
    expected = gradients(plain)
    with jax.set_mesh(make_mesh(dict(zip(AXES, (2, 2, 2), strict=True)))):
        found = gradients(kernel)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5, rtol=2e-5)


def _devices(platform, sizes=(2, 2, 2)):
    """A mesh of devices that are not here."""
    device = AbstractDevice(device_kind=platform, num_cores=1, platform=platform)
    kinds = (AxisType.Auto,) * len(AXES)
    return use_abstract_mesh(AbstractMesh(sizes, AXES, kinds, abstract_device=device))


@pytest.mark.parametrize(
    "platform, dtype, shape, kernel",
    [
        ("cpu", "bfloat16", (8, 4, 4096, 64), "xla"),
        ("tpu", "bfloat16", (8, 4, LONG, 64), "splash"),
        ("tpu", "float32", (8, 4, LONG, 64), "splash"),
        ("tpu", "bfloat16", (8, 4, LONG - 1, 64), "xla"),
        ("gpu", "bfloat16", (8, 4, LONG, 64), "xla"),
    ],
)
def test_the_choice_is_by_the_devices_of_the_mesh(platform, dtype, shape, kernel):
    with _devices(platform):
        assert choose(jax.ShapeDtypeStruct(shape, dtype)) == kernel


def test_without_a_mesh_the_choice_is_by_the_devices_that_are_here(monkeypatch):
    query = jax.ShapeDtypeStruct((8, 4, LONG, 64), "bfloat16")
    assert choose(query) == "xla"
    monkeypatch.setattr(jax, "default_backend", lambda: "tpu")
    assert choose(query) == "xla"  # of 8 devices, on which arrays may lie anyhow
    monkeypatch.setattr(jax, "device_count", lambda: 1)
    assert choose(query) == "splash"


def test_auto_is_the_plain_form_on_a_cpu():
    forms = (attend, functools.partial(attend, kernel="auto"))
    one, other = (jax.jit(form)(Q, K, V) for form in forms)
    np.testing.assert_array_equal(one, other)


def test_cudnn_is_for_lower_precision():
    with pytest.raises(UserError, match="encoder.attention='cudnn' needs encoder.dtype='bfloat16'"):
        attend(Q, K, V, kernel="cudnn")
