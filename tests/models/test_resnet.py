import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.models import build_encoder
from ssljax.models.convolution import convolution
from ssljax.models.resnet import average_pool
from tests.models.jitted import apply, init
from tests.reference import models as reference

KEY = jax.random.key(0)


def count(tree):
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


@pytest.mark.parametrize(
    ("name", "params", "features"),
    [
        # torchvision's counts without the classifier (features * 1000 + 1000).
        ("resnet18", 11_689_512 - 513_000, 512),
        ("resnet34", 21_797_672 - 513_000, 512),
        ("resnet50", 25_557_032 - 2_049_000, 2048),
        ("resnet101", 44_549_160 - 2_049_000, 2048),
    ],
)
def test_parameter_counts_and_shapes(name, params, features):
    module, images = build_encoder({"name": name}), jnp.zeros((2, 224, 224, 3))
    tree, stats = jax.eval_shape(lambda: init(module, KEY, images))
    assert count(tree) == params
    out, _ = jax.eval_shape(lambda p, s: apply(module, p, s, images, train=True), tree, stats)
    assert out.pooled.shape == (2, features)
    assert out.tokens.shape == (2, 49, features)


@pytest.mark.parametrize("channels", [1, 4])
def test_a_small_network_by_config(channels):
    config = {"name": "resnet", "stage_sizes": (1, 1, 1), "width": 4, "stem": "small", "pool": 2}
    module, images = build_encoder(config), jax.random.normal(KEY, (2, 14, 14, channels))
    params, stats = init(module, KEY, images)
    assert params["stem_conv"]["kernel"].shape == (3, 3, channels, 4)
    out, _ = apply(module, params, stats, images, train=False)
    assert out.tokens.shape == (2, 16, 16)  # 14 -> 7 -> 4
    assert out.pooled.shape == (2, 2 * 2 * 16)
    cells = out.tokens.reshape(2, 4, 4, 16).reshape(2, 2, 2, 2, 2, 16).mean((2, 4))
    np.testing.assert_allclose(out.pooled, cells.reshape(2, -1), rtol=1e-5)


@pytest.mark.parametrize(("stem", "side"), [("imagenet", 8), ("small", 32), ("small_stride2", 16)])
def test_stems_shrink_images(stem, side):
    config = {"name": "resnet", "stage_sizes": (1,), "width": 4, "stem": stem}
    module, images = build_encoder(config), jnp.zeros((2, 32, 32, 3))
    out = jax.eval_shape(lambda: apply(module, *init(module, KEY, images), images, train=False)[0])
    assert out.tokens.shape == (2, side**2, 4)


def test_zero_init_makes_blocks_identities():
    config = {"name": "resnet", "stage_sizes": (3,), "width": 4, "stem": "small"}
    images = jax.random.normal(KEY, (2, 8, 8, 3))
    deep = build_encoder(config)
    shallow = deep.clone(stage_sizes=(0,))
    params, stats = init(deep, KEY, images)
    stem = {"stem_conv": params["stem_conv"], "stem_norm": params["stem_norm"]}
    out, _ = apply(deep, params, stats, images, train=False)
    expected, _ = apply(shallow, stem, {"stem_norm": stats["stem_norm"]}, images, train=False)
    np.testing.assert_allclose(out.pooled, expected.pooled, rtol=1e-6)
    plain, stats = init(build_encoder({**config, "zero_init": False}), KEY, images)
    assert not np.allclose(apply(deep, plain, stats, images, train=False)[0].pooled, out.pooled)


@pytest.mark.parametrize(("kernel", "stride", "side"), [(7, 2, 9), (3, 2, 8), (3, 1, 5), (1, 2, 7)])
def test_convolutions_pad_as_pytorch_does(kernel, stride, side):
    x = jax.random.normal(KEY, (2, side, side, 3))
    module = convolution(4, kernel, stride, dtype=jnp.float32, name=None)
    params, stats = init(module, KEY, x)
    y, _ = apply(module, params, stats, x, train=False)
    expected = reference.convolution(x, np.asarray(params["kernel"]), stride, kernel // 2)
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)


def test_kernels_start_as_in_torchvision():
    module = convolution(256, 3, 1, dtype=jnp.float32, name=None)
    kernel = init(module, KEY, jnp.zeros((1, 4, 4, 64)))[0]["kernel"]
    assert abs(kernel.std() / np.sqrt(2 / (9 * 256)) - 1) < 0.02
    assert abs(kernel.mean()) < 1e-3


@pytest.mark.parametrize(("side", "cells"), [(7, 1), (7, 2), (7, 3), (8, 2), (5, 5)])
def test_average_pool_against_the_definition(side, cells):
    x = jax.random.normal(KEY, (2, side, side + 1, 3))
    expected = reference.adaptive_average_pool(x, cells).reshape(2, -1)
    np.testing.assert_allclose(average_pool(x, cells), expected, rtol=1e-5, atol=1e-6)


def test_bfloat16_is_a_matter_of_computation_only():
    config = {"name": "resnet", "stage_sizes": (1, 1), "width": 8, "stem": "small"}
    images = jax.random.normal(KEY, (4, 8, 8, 3))
    full, half = build_encoder(config), build_encoder({**config, "dtype": "bfloat16"})
    params, stats = init(half, KEY, images)
    assert {leaf.dtype for leaf in jax.tree.leaves((params, stats))} == {jnp.dtype("float32")}
    low, _ = apply(half, params, stats, images, train=True)
    high, _ = apply(full, params, stats, images, train=True)
    assert (low.pooled.dtype, low.tokens.dtype) == (jnp.float32, jnp.bfloat16)
    assert not np.array_equal(low.pooled, high.pooled)
    np.testing.assert_allclose(low.pooled, high.pooled, atol=0.05)


def test_groups_reach_every_batch_norm():
    """A batch of two equal halves has in each half the statistics of the whole."""
    config = {"name": "resnet", "stage_sizes": (1, 1), "width": 4, "stem": "small"}
    half = jax.random.normal(KEY, (4, 8, 8, 3))
    one, two = build_encoder(config), build_encoder({**config, "bn_groups": 2})
    params, stats = init(one, KEY, half)
    alone, _ = apply(one, params, stats, half, train=True)
    other = 5 + 2 * jax.random.normal(jax.random.key(1), half.shape)
    beside, _ = apply(two, params, stats, jnp.concatenate([half, other]), train=True)
    np.testing.assert_allclose(beside.pooled[:4], alone.pooled, rtol=1e-4, atol=1e-5)
