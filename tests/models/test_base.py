import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from ssljax.errors import UserError
from ssljax.models import build_encoder
from tests.models.jitted import apply, init

KEY = jax.random.key(0)
IMAGES = jax.random.normal(KEY, (8, 8, 8, 3))
RESNET = {"name": "resnet", "stage_sizes": (1, 1), "width": 4, "stem": "small"}
VIT = {"name": "vit", "patch_size": 4, "image_size": 8, "width": 8, "depth": 2, "heads": 2}


def leaves(tree):
    return {jax.tree_util.keystr(k): v for k, v in jax.tree_util.tree_leaves_with_path(tree)}


def same(one, two):
    one, two = leaves(one), leaves(two)
    return one.keys() == two.keys() and all(np.array_equal(one[k], two[k]) for k in one)


def test_modules_without_batch_statistics_have_empty_stats():
    module = build_encoder(VIT)
    params, stats = init(module, KEY, IMAGES)
    assert stats == {}
    assert apply(module, params, stats, IMAGES, train=True)[1] == {}


def test_training_updates_statistics_and_evaluation_keeps_them():
    module = build_encoder(RESNET)
    params, stats = init(module, KEY, IMAGES)
    out, kept = apply(module, params, stats, IMAGES, train=False)
    assert same(kept, stats)
    trained, updated = apply(module, params, stats, IMAGES, train=True)
    assert updated["stem_norm"].keys() == {"mean", "var"}
    changed = [not np.array_equal(v, leaves(stats)[k]) for k, v in leaves(updated).items()]
    assert all(changed)
    assert not np.allclose(out.pooled, trained.pooled)


def test_apply_serves_modules_that_do_not_take_train():
    module = nn.Dense(3)
    params, stats = init(module, KEY, IMAGES)
    assert apply(module, params, stats, IMAGES, train=True)[0].shape == (8, 8, 8, 3)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "lacks encoder.name"),
        ({"name": "resnet19"}, "did you mean 'resnet18'"),
        ({"name": "vit_s", "patchsize": 8}, "did you mean 'encoder.patch_size'"),
        ({"name": "vit_s", "parent": None}, "unknown config key 'encoder.parent'"),
        ({"name": "vit_s", "patch_size": "8"}, "encoder.patch_size='8' is of type str"),
        ({"name": "vit_s", "scan": 1}, "must be bool"),
        ({"name": "resnet18", "dtype": "float16"}, "unknown encoder.dtype"),
        ({"name": "resnet18", "block": "botleneck"}, "did you mean 'bottleneck'"),
        ({"name": "resnet18", "stem": "tiny"}, "unknown encoder.stem"),
        ({"name": "vit_ti", "positions": "sincos2d"}, "did you mean 'sincos'"),
        ({"name": "vit_ti", "pool": "max"}, "unknown encoder.pool"),
        ({"name": "vit_ti", "remat": "all"}, "unknown encoder.remat"),
        ({"name": "vit_ti", "activation": "relu"}, "unknown encoder.activation"),
    ],
)
def test_mistakes_in_a_config_are_named(config, message):
    images = jnp.zeros((2, 224, 224, 3))
    with pytest.raises(UserError, match=message):
        jax.eval_shape(lambda: init(build_encoder(config), KEY, images))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"name": "vit_ti", "class_token": False}, "pool='cls' needs encoder.class_token=True"),
        ({"name": "vit_ti", "heads": 5}, "heads=5 must divide encoder.width=192"),
        ({"name": "vit_ti", "patch_size": 15}, "patch_size=15 must divide the 224 rows"),
        (
            {"name": "vit_ti", "width": 186, "positions": "sincos"},
            "width=186 must be divisible by 4",
        ),
        ({"name": "resnet18", "pool": 8}, "encoder.pool=8 must lie in 1..7"),
    ],
)
def test_impossible_shapes_are_refused(config, message):
    images = jnp.zeros((2, 224, 224, 3))
    with pytest.raises(ValueError, match=message):
        jax.eval_shape(lambda: init(build_encoder(config), KEY, images))


def test_plain_data_configs_build_hashable_modules():
    module = build_encoder({**RESNET, "stage_sizes": [1, 2]})
    assert module.stage_sizes == (1, 2)
    hash(module)
    assert build_encoder({"name": "vit_s", "mlp_ratio": 3}).mlp_ratio == 3.0
