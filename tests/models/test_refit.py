"""Encoders of another size, of other channels, with other positions: the same function."""

import jax
import numpy as np
import pytest

from ssljax.models import build_encoder
from ssljax.models.refit import Sized, differences, refit
from ssljax.spec import Field
from ssljax.training.tree_paths import named_leaves
from tests.models.jitted import apply, init

VIT = {"name": "vit", "patch_size": 2, "image_size": 8, "width": 16, "depth": 2, "heads": 2}
RESNET = {"name": "resnet", "stage_sizes": (1,), "width": 8, "stem": "small"}
SERIES = {"name": "series_transformer", "patch_size": 4, "length": 16, "width": 16, "depth": 1}


def made(section, shape):
    module = build_encoder(section, Field("image" if len(shape) == 3 else "series", shape, "uint8"))
    params, stats = init(module, jax.random.key(0), np.zeros((1, *shape), np.float32))
    return module, jax.device_get(params), stats


def fitted(old, new):
    """Return the parameters of `new` made of those of `old`, and the words on each."""
    (before, params, channels), (after, fresh, wanted) = old, new
    assert not differences(before, after)
    arrays, leaves = named_leaves(params), named_leaves(fresh)
    plan = refit(
        {path: leaf.shape for path, leaf in arrays.items()},
        {path: leaf.shape for path, leaf in leaves.items()},
        Sized(before, channels),
        Sized(after, wanted),
    )
    values = [
        plan[path].make(*(arrays[source] for source in plan[path].sources))
        if path in plan
        else leaf
        for path, leaf in leaves.items()
    ]
    for value, leaf in zip(values, leaves.values(), strict=True):
        assert value.shape == leaf.shape
    how = {path: one.how for path, one in plan.items() if one.how}
    return jax.tree.unflatten(jax.tree.structure(fresh), values), how


@pytest.mark.parametrize("section", (VIT, RESNET), ids=lambda one: one["name"])
@pytest.mark.parametrize(("old", "new"), ((3, 1), (3, 4), (1, 3), (3, 7)))
def test_kernels_of_other_channels_are_timms(section, old, new):
    """adapt_input_conv, tap by tap; where each channel is repeated as often, grey stays grey."""
    module, params, stats = made(section, (8, 8, old))
    other, fresh, _ = made(section, (8, 8, new))
    adapted, how = fitted((module, params, old), (other, fresh, new))
    (text,) = how.values()
    assert f"{old} -> {new} channels" in text
    grey = np.asarray(jax.random.normal(jax.random.key(1), (2, 8, 8, 1)))

    def pooled(module, params, count):
        # The sum for one channel: as of a grey image in each of the old ones.
        images = np.repeat(grey, count, axis=-1)
        return apply(module, params, stats, images, train=False)[0].pooled

    if new == 1 or new % old == 0:
        np.testing.assert_allclose(
            pooled(module, params, old), pooled(other, adapted, new), atol=2e-5
        )
    path = next(iter(how))
    kernel, made_of = named_leaves(params)[path], named_leaves(adapted)[path]
    kernel = np.asarray(kernel).reshape(-1, old, kernel.shape[-1])
    made_of = np.asarray(made_of).reshape(-1, new, made_of.shape[-1])
    for channel in range(new):
        wanted = kernel.sum(1) if new == 1 else kernel[:, channel % old] * old / new
        np.testing.assert_allclose(made_of[:, channel], wanted, rtol=1e-5)


def test_positions_of_another_size_are_those_the_encoder_would_have_resampled():
    """The encoder of 8 pixels that sees 16 resamples each time; made for 16 it has them."""
    module, params, _ = made(VIT, (8, 8, 1))
    wide = {**VIT, "image_size": 16}
    other, fresh, _ = made(wide, (16, 16, 1))
    adapted, how = fitted((module, params, 1), (other, fresh, 1))
    assert how == {"pos_embed": "positions 4x4 -> 8x8, lowpass"}
    images = jax.random.normal(jax.random.key(1), (2, 16, 16, 1))
    one, two = (
        apply(m, p, {}, images, train=False)[0].pooled
        for m, p in ((module, params), (other, adapted))
    )
    np.testing.assert_allclose(one, two, atol=1e-5)


def test_fixed_positions_become_the_start_of_learned_ones():
    fixed = {**VIT, "positions": "sincos"}
    module, params, _ = made(fixed, (8, 8, 1))
    other, fresh, _ = made(VIT, (8, 8, 1))
    adapted, how = fitted((module, params, 1), (other, fresh, 1))
    assert how == {"pos_embed": "learned from fixed sines and cosines on"}
    images = jax.random.normal(jax.random.key(1), (2, 8, 8, 1))
    one, two = (
        apply(m, p, {}, images, train=False)[0].pooled
        for m, p in ((module, params), (other, adapted))
    )
    np.testing.assert_allclose(one, two, atol=1e-6)
    assert differences(other, module) == [
        "encoder.positions is 'learned' there, 'sincos' here"
    ]  # what was learned cannot become fixed


@pytest.mark.parametrize("length", (8, 24))
def test_of_counted_times_the_first_are_taken_and_more_are_stretched(length):
    learned = {**SERIES, "positions": "learned"}
    module, params, _ = made(learned, (16, 2))
    other, fresh, _ = made({**learned, "length": length}, (8, 2))
    adapted, how = fitted((module, params, 2), (other, fresh, 2))
    assert how["pos_embed"] == f"positions 4 -> {length // 4}, lowpass"
    if length == 8:
        np.testing.assert_array_equal(adapted["pos_embed"], params["pos_embed"][:2])
    else:  # the ends keep about their place
        wanted = jax.image.resize(params["pos_embed"], (6, 16), "cubic")
        np.testing.assert_allclose(adapted["pos_embed"], wanted, atol=1e-6)


def test_a_class_token_may_go_and_its_position_with_it():
    module, params, _ = made(VIT, (8, 8, 1))
    other, fresh, _ = made({**VIT, "class_token": False, "pool": "mean"}, (8, 8, 1))
    adapted, _ = fitted((module, params, 1), (other, fresh, 1))
    np.testing.assert_array_equal(adapted["pos_embed"], params["pos_embed"][1:])


@pytest.mark.parametrize("scan", (False, True))
def test_blocks_are_stacked_and_unstacked(scan):
    module, params, _ = made({**VIT, "scan": not scan}, (8, 8, 1))
    other, fresh, _ = made({**VIT, "scan": scan}, (8, 8, 1))
    adapted, how = fitted((module, params, 1), (other, fresh, 1))
    assert set(how.values()) == {"blocks stacked" if scan else "blocks unstacked"}
    images = jax.random.normal(jax.random.key(1), (2, 8, 8, 1))
    one, two = (
        apply(m, p, {}, images, train=False)[0].pooled
        for m, p in ((module, params), (other, adapted))
    )
    np.testing.assert_allclose(one, two, atol=1e-5)


def test_what_is_another_function_is_another_architecture():
    old = made(VIT, (8, 8, 1))[0]
    for change, words in (
        ({"heads": 4}, "encoder.heads is 2 there, 4 here"),
        ({"activation": "gelu_tanh"}, "encoder.activation"),
        ({"depth": 3}, "encoder.depth is 2 there, 3 here"),
        ({"patch_size": 4}, "encoder.patch_size"),
    ):
        (found,) = differences(old, build_encoder({**VIT, **change}))
        assert words in found
    assert differences(old, build_encoder(RESNET)) == ["a ViT there, a ResNet here"]
    for change in (
        {"drop_path": 0.1},
        {"norm_pooled": True, "pool": "mean"},
        {"registers": 2},
        {"remat": "full"},
    ):
        assert not differences(old, build_encoder({**VIT, **change}))


def test_an_array_of_another_shape_for_no_reason_is_named():
    module = build_encoder(VIT)
    sized = Sized(module, 1)
    with pytest.raises(ValueError, match=r"trunk/norm/scale has the shape \[16\] there, \[8\]"):
        refit({"trunk/norm/scale": (16,)}, {"trunk/norm/scale": (8,)}, sized, sized)
