"""Views through one network: in which order they come out, and whose batch statistics they have."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from ssljax.models import MLP, Chain, build_encoder
from ssljax.objectives.siamese import all_views, each_view
from tests.objectives.cases.small import RESNET, VIT

KEY = jax.random.key(0)


def _views(count, size):
    return jax.random.normal(jax.random.key(size), (5, count, size, size, 1))


@functools.partial(jax.jit, static_argnums=0)
def _all_views(network, params, stats, groups):
    return all_views(network, params, stats, groups, KEY)


@functools.partial(jax.jit, static_argnums=0)
def _each_view(network, params, stats, views):
    return each_view(network, params, stats, views, KEY)


def test_all_views_come_out_in_the_order_of_groups_and_examples():
    network = Chain({"encoder": build_encoder(VIT), "projector": MLP((4,), 3, norm=False)})
    groups = {"large": _views(2, 8), "small": _views(3, 4)}
    params, stats = network.init(KEY, groups["large"][:, 0])
    z, _ = _all_views(network, params, stats, groups)
    assert z.shape == (5, 5, 3)
    singly = [views[:, v] for views in groups.values() for v in range(views.shape[1])]
    apply = jax.jit(lambda images: network.apply(params, stats, images, train=True)[0])
    for one, images in zip(z, singly, strict=True):
        np.testing.assert_allclose(one, apply(images), rtol=1e-4, atol=1e-5)


def test_all_views_share_the_statistics_of_the_projector_but_not_of_the_encoder():
    """Other small crops change the embedding of the large ones, through the projector alone."""
    network = Chain({"encoder": build_encoder(RESNET), "projector": MLP((4,), 3)})
    groups = {"large": _views(2, 8), "small": _views(2, 4)}
    params, stats = network.init(KEY, groups["large"][:, 0])
    others = {**groups, "small": 2 * groups["small"] + 1}
    for head, shared in ((True, True), (False, False)):
        chain = network if head else Chain({"encoder": network.modules["encoder"]})
        one, two = (_all_views(chain, params, stats, g)[0][:2] for g in (groups, others))
        assert (np.abs(np.asarray(one - two)).max() > 1e-3) == shared


def test_each_view_has_its_own_batch_statistics():
    network = Chain({"encoder": build_encoder(RESNET)})
    views = _views(2, 8)
    params, stats = network.init(KEY, views[:, 0])
    (first, _), _ = _each_view(network, params, stats, views)
    other = views.at[:, 1].multiply(3.0)
    (same, _), _ = _each_view(network, params, stats, other)
    np.testing.assert_array_equal(first.pooled, same.pooled)


def test_statistics_are_kept_from_view_to_view():
    network = Chain({"encoder": build_encoder(RESNET)})
    views = _views(2, 8)
    params, stats = network.init(KEY, views[:, 0])
    _, kept = each_view(network, params, stats, views, KEY)
    for view in (0, 1):
        _, stats = network.apply(params, stats, views[:, view], train=True)
    jax.tree.map(np.testing.assert_array_equal, kept, stats)
    assert any(jnp.any(leaf) for leaf in jax.tree.leaves(kept))
