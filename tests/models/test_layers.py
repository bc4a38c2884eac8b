"""What every block or stage gives, for probes of single layers."""

import jax
import numpy as np
import pytest

from ssljax import models
from ssljax.models import ResNet, ViT
from tests.models.jitted import init

IMAGES = np.asarray(jax.random.normal(jax.random.key(0), (2, 16, 16, 3)))
FIELDS = {"width": 16, "depth": 3, "heads": 2, "patch_size": 4, "image_size": 16}


def encode(module, params, stats, **options):
    run = jax.jit(lambda p, s, x: models.apply(module, p, s, x, train=False, **options)[0])
    return jax.device_get(run(params, stats, IMAGES))


@pytest.mark.parametrize(("scan", "class_token"), [(True, True), (False, False)])
def test_layers_of_a_transformer_are_the_features_of_shallower_ones(scan, class_token):
    fields = {**FIELDS, "scan": scan, "class_token": class_token, "pool": "mean", "registers": 1}
    module = ViT(**fields)
    params, _ = jax.device_get(init(module, jax.random.key(1), IMAGES))
    plain, told = encode(module, params, {}), encode(module, params, {}, layers=True)
    assert plain.layers is None and told.layers.shape == (2, 3, 2, 16)
    for one, two in zip(plain[:2], told[:2], strict=True):
        np.testing.assert_array_equal(one, two)
    for depth in (1, 3):
        cut = dict(params["trunk"])
        if scan:
            cut["blocks"] = jax.tree.map(lambda leaf, n=depth: leaf[:n], cut["blocks"])
        cut = {name: tree for name, tree in cut.items() if name not in _after(depth)}
        for pool, at in (("mean", 1), ("cls", 0)):
            if pool == "cls" and not class_token:
                np.testing.assert_array_equal(told.layers[:, :, 0], told.layers[:, :, 1])
                continue
            shallow = ViT(**{**fields, "depth": depth, "pool": pool})
            expected = encode(shallow, {**params, "trunk": cut}, {}).pooled
            np.testing.assert_allclose(told.layers[:, depth - 1, at], expected, atol=1e-5)


def _after(depth):
    return {f"block_{i}" for i in range(depth, 3)}


def test_layers_of_a_resnet_are_the_means_of_its_maps():
    module = ResNet(stage_sizes=(1, 1, 1), width=4, stem="small")
    params, stats = init(module, jax.random.key(1), IMAGES)
    plain, told = encode(module, params, stats), encode(module, params, stats, layers=True)
    assert plain.layers is None and told.layers.shape == (2, 3, 2, 16)
    np.testing.assert_allclose(told.layers[:, -1, 0], plain.pooled, atol=1e-6)
    first = ResNet(stage_sizes=(1,), width=4, stem="small")
    expected = encode(first, params, stats).pooled
    np.testing.assert_allclose(told.layers[:, 0, 1, :4], expected, atol=1e-5)
    assert not np.any(told.layers[:, 0, :, 4:]) and np.any(told.layers[:, 1, :, 4:8])
