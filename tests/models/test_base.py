import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from ssljax.errors import UserError
from ssljax.models import MLP, Chain, build_encoder
from tests.models.jitted import apply, init

KEY = jax.random.key(0)
IMAGES = jax.random.normal(KEY, (8, 8, 8, 3))
RESNET = {"name": "resnet", "stage_sizes": (1, 1), "width": 4, "stem": "small"}
VIT = {"name": "vit", "patch_size": 4, "image_size": 8, "width": 8, "depth": 2, "heads": 2}


def chain(config=RESNET):
    return Chain({"encoder": build_encoder(config), "projector": MLP(hidden=(6,), out=5)})


start = jax.jit(lambda chain: chain.init(KEY, IMAGES), static_argnums=0)
run = jax.jit(Chain.apply, static_argnums=0, static_argnames=("train", "through"))


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


def test_chain_is_its_modules_one_after_the_other():
    network = chain()
    params, stats = start(network)
    assert params.keys() == stats.keys() == {"encoder", "projector"}
    out, updated = run(network, params, stats, IMAGES, train=True)

    encoder, projector = network.modules["encoder"], network.modules["projector"]
    encoded, e = apply(encoder, params["encoder"], stats["encoder"], IMAGES, train=True)
    z, p = apply(projector, params["projector"], stats["projector"], encoded.pooled, train=True)
    np.testing.assert_array_equal(out, z)
    assert same(updated, {"encoder": e, "projector": p})


def test_part_of_a_chain():
    network = chain()
    params, stats = start(network)
    encoded, updated = run(network, params, stats, IMAGES, train=True, through=("encoder",))
    assert encoded.pooled.shape == (8, 8)
    assert same(updated["projector"], stats["projector"])
    assert not same(updated["encoder"], stats["encoder"])
    z, _ = run(network, params, updated, encoded, train=True, through=("projector",))
    whole, _ = run(network, params, stats, IMAGES, train=True)
    np.testing.assert_allclose(z, whole, rtol=1e-5, atol=1e-6)
    with pytest.raises(UserError, match="did you mean 'projector'"):
        run(network, params, stats, IMAGES, train=True, through=("projektor",))


def test_a_component_starts_the_same_whatever_its_neighbours():
    alone = Chain({"encoder": build_encoder(RESNET)})
    assert same(start(alone)[0]["encoder"], start(chain())[0]["encoder"])


def test_chains_are_values():
    assert chain() == chain() and hash(chain()) == hash(chain())
    assert chain() != chain({**RESNET, "width": 8})
    assert chain() != Chain(dict(reversed(list(chain().modules.items()))))


def test_drop_path_draws_from_the_key():
    network = chain({**VIT, "drop_path": 0.5})
    params, stats = start(network)

    def draw(seed, train=True):
        return run(network, params, stats, IMAGES, train=train, key=jax.random.key(seed))[0]

    np.testing.assert_array_equal(draw(1), draw(1))
    assert not np.allclose(draw(1), draw(2))
    np.testing.assert_array_equal(draw(1, train=False), draw(2, train=False))


@pytest.mark.parametrize("config", [RESNET, VIT, {**VIT, "drop_path": 0.5}])
def test_one_device_and_eight_agree(config):
    network = chain(config)
    params, stats = start(network)

    def loss(params, images):
        z, updated = network.apply(params, stats, images, train=True, key=KEY)
        return jnp.mean(jnp.sin(3 * z)), updated

    step = jax.jit(jax.value_and_grad(loss, has_aux=True))
    mesh = Mesh(np.array(jax.devices()), ("data",))
    sharded = jax.device_put(IMAGES, NamedSharding(mesh, PartitionSpec("data")))
    replicated = jax.device_put(params, NamedSharding(mesh, PartitionSpec()))
    one, many = step(params, IMAGES), step(replicated, sharded)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), one, many)


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
        ({"name": "resnet18", "pool": 8}, "pool must lie in 1..7"),
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
