"""The bound net: fresh parameters by name, statistics from call to call, views of several sizes."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.errors import UserError
from ssljax.models import MLP, apply, build_encoder
from ssljax.objectives.multi_crop import apply_multi_crop
from ssljax.objectives.net import InitNet, Net
from tests.objectives.cases.small import RESNET, VIT

KEY = jax.random.key(0)


def _views(count, size):
    return jax.random.normal(jax.random.key(size), (5, count, size, size, 1))


def _fresh(modules):
    net = InitNet(modules, KEY)
    output = net.encoder(_views(2, 8)[:, 0])
    if "projector" in modules:
        net.projector(output.pooled)
    return net.params, net.stats


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
