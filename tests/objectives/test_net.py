"""The bound net: fresh parameters by name, statistics from call to call, views of several sizes."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from ssljax.errors import UserError
from ssljax.models import MLP, apply, build_encoder
from ssljax.objectives.multi_crop import apply_multi_crop
from ssljax.objectives.net import InitNet, Net
from tests.objectives.cases.small import RESNET, VIT

KEY = jax.random.key(0)


def _views(count, size):
    return jax.random.normal(jax.random.key(size), (5, count, size, size, 1))


def _fresh(modules):
    @jax.jit
    def run():
        net = InitNet(modules, KEY)
        output = net.encoder(_views(2, 8)[:, 0])
        if "projector" in modules:
            net.projector(output.pooled)
        return net.params, net.stats

    return run()


def _multi_crop(modules, params, stats, groups, *heads):
    @jax.jit
    def run(params, stats, groups):
        net = Net(modules, params, stats)
        return apply_multi_crop(net, groups, *heads), net.stats

    return run(params, stats, groups)


def test_views_come_out_in_the_order_of_groups_and_examples():
    modules = {"encoder": build_encoder(VIT), "projector": MLP((4,), 3, norm=False)}
    groups = [_views(2, 8), _views(3, 4)]
    params, stats = _fresh(modules)
    z, _ = _multi_crop(modules, params, stats, groups, "projector")
    assert z.shape == (5, 5, 3)

    @jax.jit
    def singly(images):
        net = Net(modules, params, stats)
        return net.projector(net.encoder(images).pooled)

    each = [views[:, v] for views in groups for v in range(views.shape[1])]
    for one, images in zip(z, each, strict=True):
        np.testing.assert_allclose(one, singly(images), rtol=1e-4, atol=1e-5)


def test_views_of_all_sizes_share_the_statistics_of_the_head_but_not_of_the_encoder():
    """Other small crops change the embedding of the large ones, through the projector alone."""
    modules = {"encoder": build_encoder(RESNET), "projector": MLP((4,), 3)}
    groups = [_views(2, 8), _views(2, 4)]
    params, stats = _fresh(modules)
    others = [groups[0], 2 * groups[1] + 1]
    for heads, shared in ((["projector"], True), ([], False)):
        run = functools.partial(_multi_crop, modules, params, stats)
        one, two = (run(views, *heads)[0][:2] for views in (groups, others))
        assert (np.abs(np.asarray(one - two)).max() > 1e-3) == shared


def test_each_call_has_batch_statistics_of_its_own_and_starts_from_those_left():
    encoder = build_encoder(RESNET)
    params, stats = _fresh({"encoder": encoder})
    views = _views(2, 8)
    net = Net({"encoder": encoder}, params, stats)
    outputs = [net.encoder(views[:, view]).pooled for view in (0, 1)]
    kept = stats["encoder"]
    for view in (0, 1):
        output, kept = apply(encoder, params["encoder"], kept, views[:, view], train=True)
        np.testing.assert_array_equal(outputs[view], output.pooled)
    jax.tree.map(np.testing.assert_array_equal, net.stats["encoder"], kept)
    assert any(jnp.any(leaf) for leaf in jax.tree.leaves(kept))
    other = Net({"encoder": encoder}, params, stats, train=False)
    other.encoder(views[:, 0])
    jax.tree.map(np.testing.assert_array_equal, other.stats, stats)


def test_parameters_depend_on_the_name_and_not_on_the_neighbours():
    alone, _ = _fresh({"encoder": build_encoder(RESNET)})
    beside, _ = _fresh({"encoder": build_encoder(RESNET), "projector": MLP((4,), 3)})
    jax.tree.map(np.testing.assert_array_equal, alone["encoder"], beside["encoder"])


def test_a_component_that_is_not_there_is_named():
    with pytest.raises(UserError, match="did you mean 'projector'"):
        Net({"encoder": None, "projector": None}, {}, {}).projecter  # noqa: B018


IMAGES = jax.random.normal(KEY, (8, 8, 8, 3))


def _chain(config=RESNET):
    modules = {"encoder": build_encoder(config), "projector": MLP(hidden=(6,), out=5)}
    net = InitNet(modules, KEY)
    net.projector(net.encoder(IMAGES).pooled)
    return modules, net.params, net.stats


def _run(modules, params, stats, images, *, train, key=None):
    net = Net(modules, params, stats, train=train, key=key)
    return net.projector(net.encoder(images).pooled), net.stats


def test_components_run_one_after_the_other_and_keep_their_own_statistics():
    modules, params, stats = _chain()
    assert params.keys() == stats.keys() == {"encoder", "projector"}
    out, updated = _run(modules, params, stats, IMAGES, train=True)
    encoded, e = apply(modules["encoder"], params["encoder"], stats["encoder"], IMAGES, train=True)
    z, p = apply(
        modules["projector"], params["projector"], stats["projector"], encoded.pooled, train=True
    )
    np.testing.assert_array_equal(out, z)
    jax.tree.map(np.testing.assert_array_equal, updated, {"encoder": e, "projector": p})

    net = Net(modules, params, stats)
    assert net.encoder(IMAGES).pooled.shape[0] == len(IMAGES)
    jax.tree.map(np.testing.assert_array_equal, net.stats["projector"], stats["projector"])


def test_drop_path_draws_from_the_key():
    modules, params, stats = _chain({**VIT, "drop_path": 0.5})

    def draw(seed, train=True):
        return _run(modules, params, stats, IMAGES, train=train, key=jax.random.key(seed))[0]

    np.testing.assert_array_equal(draw(1), draw(1))
    assert not np.allclose(draw(1), draw(2))
    np.testing.assert_array_equal(draw(1, train=False), draw(2, train=False))


@pytest.mark.parametrize("config", [RESNET, VIT, {**VIT, "drop_path": 0.5}])
def test_one_device_and_eight_agree(config):
    modules, params, stats = _chain(config)

    def loss(params, images):
        z, updated = _run(modules, params, stats, images, train=True, key=KEY)
        return jnp.mean(jnp.sin(3 * z)), updated

    step = jax.jit(jax.value_and_grad(loss, has_aux=True))
    mesh = Mesh(np.array(jax.devices()), ("data",))
    sharded = jax.device_put(IMAGES, NamedSharding(mesh, PartitionSpec("data")))
    replicated = jax.device_put(params, NamedSharding(mesh, PartitionSpec()))
    one, many = step(params, IMAGES), step(replicated, sharded)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), one, many)
