import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.ops.augment import Augmentation, multi_crop
from ssljax.ops.augment.render import NEUTRAL, alike
from tests.reference import augment as reference

FULL = Augmentation(
    size=12,
    crop_scale=(0.3, 1.0),
    flip=0.5,
    brightness=0.4,
    contrast=0.4,
    saturation=0.2,
    hue=0.1,
    jitter_prob=0.8,
    grey_prob=0.2,
    blur_prob=0.5,
    blur_kernel=3,
    solarize_prob=0.2,
    count=2,
)
LOCAL = Augmentation(size=6, crop_scale=(0.05, 0.3), flip=0.5, count=3)
VIEWS = {"global": FULL, "local": LOCAL}


def random_images(count, size=16, channels=3, seed=0):
    shape = (count, size, size, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def keys_for(count, seed=0):
    return jax.random.split(jax.random.key(seed), count)


@functools.partial(jax.jit, static_argnums=0)
def make_jitted(views, keys, images):
    return multi_crop(dict(views), keys, images)


def make(views, keys, images):
    return make_jitted(tuple(views.items()), keys, images)


@functools.partial(jax.jit, static_argnums=0)
def apply_jitted(view, keys, images):
    return jax.vmap(view.apply)(keys, images)


def applied(view, images, seed=0):
    return apply_jitted(view, keys_for(len(images), seed), jnp.float32(images / 255))


def test_views_have_their_shapes_range_and_differ():
    out = make(VIEWS, keys_for(8), random_images(8))
    assert {name: v.shape for name, v in out.items()} == {
        "global": (8, 2, 12, 12, 3),
        "local": (8, 3, 6, 6, 3),
    }
    for views in out.values():
        assert views.dtype == jnp.float32
        assert views.min() >= -1e-6 and views.max() <= 1 + 1e-6
        assert np.all(np.abs(views[:, 0] - views[:, 1]).max(axis=(1, 2, 3)) > 0.01)


def test_a_batch_is_its_examples_one_by_one():
    keys, images = keys_for(8), random_images(8)
    whole = make(VIEWS, keys, images)
    for i in (0, 5):
        alone = make(VIEWS, keys[i : i + 1], images[i : i + 1])
        for name in VIEWS:
            np.testing.assert_allclose(whole[name][i], alone[name][0], atol=1e-6)


def test_the_same_on_one_and_on_eight_devices_and_every_example_stays_where_it_is():
    keys, images = keys_for(8), random_images(8)
    mesh = jax.sharding.Mesh(np.array(jax.devices()), ("data",))
    placed = jax.NamedSharding(mesh, jax.P("data"))
    one = make(VIEWS, keys, images)
    arguments = jax.device_put(keys, placed), jax.device_put(images, placed)
    eight = make(VIEWS, *arguments)
    for name in VIEWS:
        assert eight[name].sharding.is_equivalent_to(placed, eight[name].ndim)
        np.testing.assert_allclose(one[name], eight[name], atol=1e-6)
    program = make_jitted.lower(tuple(VIEWS.items()), *arguments).compile().as_text()
    for collective in ("all-gather", "all-reduce", "all-to-all", "collective-permute"):
        assert collective not in program


def test_the_key_alone_decides():
    images = random_images(8)
    first, again = (make(VIEWS, keys_for(8), images)["global"] for _ in range(2))
    np.testing.assert_array_equal(first, again)
    other = make(VIEWS, keys_for(8, seed=1), images)["global"]
    assert np.all(np.abs(first - other).max(axis=(1, 2, 3, 4)) > 0.01)


def test_a_kind_of_view_does_not_depend_on_the_others():
    keys, images = keys_for(8), random_images(8)
    both = make(VIEWS, keys, images)
    alone = make({"local": LOCAL}, keys, images)
    np.testing.assert_allclose(both["local"], alone["local"], atol=1e-6)


def test_views_of_one_size_are_made_together_and_are_those_of_each_alone():
    """One has no box, one no jitter, one no blur and one nothing at all."""
    keys, images = keys_for(8), random_images(8)
    views = {
        "all": dataclasses.replace(FULL, size=16),
        "colors": Augmentation(size=16, brightness=0.4, hue=0.2, blur_prob=0.5, count=2),
        "grey": Augmentation(size=16, crop_scale=(0.3, 1.0), grey_prob=0.5, solarize_prob=0.5),
        "nothing": Augmentation(size=16),
    }
    views["all"] = dataclasses.replace(views["all"], blur_kernel=None)
    together = make(views, keys, images)
    assert list(together) == sorted(views)
    for name, view in views.items():
        alone = make({name: view}, keys, images)[name]
        assert together[name].shape == alone.shape
        np.testing.assert_allclose(together[name], alone, atol=1e-6)
    np.testing.assert_allclose(together["nothing"][:, 0], np.float32(images) / 255, atol=1e-7)
    program = str(jax.make_jaxpr(lambda keys: multi_crop(views, keys, images))(keys))
    assert program.count("dot_general") == 4  # a resize and a blur for all of them


def test_filter_and_blur_of_a_view_are_those_that_it_names():
    images = np.uint8(np.random.default_rng(0).random((2, 16, 16, 3)) > 0.5) * 255
    unit = np.float64(images) / 255
    cubic = applied(Augmentation(size=24, interpolation="bicubic"), images)
    expected = np.stack([reference.resize(x, (24, 24), reference.cubic) for x in unit])
    assert expected.max() > 1.05  # Pillow, too, cuts what overshoots
    np.testing.assert_allclose(cubic, np.clip(expected, 0, 1), atol=2e-6)
    blurs = {
        "torchvision": lambda x: reference.gaussian_blur(x, 1.3, 5),
        "tensorflow": lambda x: reference.gaussian_blur(x, 1.3, 5, "zero"),
        "pillow": lambda x: reference.box_blur(x, 1.3),
    }
    for name, blur in blurs.items():
        kernel = None if name == "pillow" else 5
        fixed = {"blur_prob": 1.0, "blur_sigma": (1.3, 1.3), "blur_kernel": kernel}
        got = applied(Augmentation(size=16, blur=name, **fixed), images)
        np.testing.assert_allclose(got, np.stack([blur(x) for x in unit]), atol=2e-6)


def test_brightness_is_added_or_multiplied_as_the_jitter_is_named():
    images = np.full((200, 4, 4, 1), 51, np.uint8)
    for name, low, high in (("simclr_v1", 0.0, 0.5), ("simclr_v2", 0.14, 0.26)):
        got = np.asarray(applied(Augmentation(size=4, brightness=0.3, jitter=name), images))
        values = got[:, 0, 0, 0]
        assert low - 1e-6 <= values.min() < low + 0.02 and high - 0.02 < values.max() <= high + 1e-6
        # Of what is below 0, nothing is left: a third of the way down from .2, if it is added.
        assert abs(np.mean(values == 0) - (1 / 6 if low == 0 else 0)) < 0.08


def test_views_of_two_styles_are_made_apart_and_are_those_of_each_alone():
    keys, images = keys_for(8), random_images(8)
    full = dataclasses.replace(FULL, saturation=0.8, blur_prob=1.0)
    views = {
        "torchvision": full,
        "tensorflow": dataclasses.replace(
            full, interpolation="bicubic", jitter="simclr_v1", blur="tensorflow"
        ),
        "pillow": dataclasses.replace(full, blur="pillow", blur_kernel=None),
    }
    together = make(views, keys, images)
    for name, view in views.items():
        alone = make({name: view}, keys, images)[name]
        np.testing.assert_allclose(together[name], alone, atol=1e-6)


def test_every_process_traces_the_same_program():
    """Hosts of one run must agree, and the order of a set of names differs between processes."""
    drawn = [view.draw(jax.random.key(0), (16, 16, 3)) for view in (FULL, LOCAL)]
    drawn = [jax.tree.map(lambda x: jnp.asarray(x)[None], one) for one in drawn]
    assert list(alike(drawn, (1, 1), (16, 16, 3))) == [*NEUTRAL, "box"]


def test_keys_of_either_kind_give_the_same_views():
    keys, images, views = keys_for(8), random_images(8), {"local": LOCAL}
    typed = make(views, keys, images)["local"]
    raw = make(views, jax.random.key_data(keys), images)["local"]
    np.testing.assert_array_equal(typed, raw)


def test_bytes_and_floats_are_the_same_image():
    keys, images, views = keys_for(8), random_images(8), {"local": LOCAL}
    from_bytes = make(views, keys, images)["local"]
    from_floats = make(views, keys, np.float32(images) / 255)["local"]
    np.testing.assert_allclose(from_bytes, from_floats, atol=1e-6)


def test_what_is_off_is_not_in_the_program():
    def program(view, channels=3):
        image = jax.ShapeDtypeStruct((16, 16, channels), jnp.float32)
        return str(jax.make_jaxpr(view.apply)(jax.random.key(0), image))

    off = Augmentation(size=16)
    image = jnp.float32(random_images(1)[0] / 255)
    assert off.apply(jax.random.key(0), image) is image
    assert "dot_general" not in program(off) and "scan" not in program(off)
    assert program(off) == program(dataclasses.replace(off, hue=0.3, jitter_prob=0.0))
    assert "scan" in program(dataclasses.replace(off, contrast=0.3))
    assert program(dataclasses.replace(off, crop_scale=(0.5, 1.0))).count("dot_general") == 2
    assert "floor" not in program(dataclasses.replace(off, hue=0.3), channels=1)


def test_switching_an_operation_on_leaves_the_other_draws_alone():
    images = random_images(32)
    crop = Augmentation(size=12, crop_scale=(0.3, 1.0), flip=0.5)
    plain = applied(crop, images)
    half_solarized = applied(dataclasses.replace(crop, solarize_prob=0.5, blur_prob=0.0), images)
    same = np.all(np.abs(plain - half_solarized) < 1e-6, axis=(1, 2, 3))
    inverted = np.where(plain >= 0.5, 1 - plain, plain)
    np.testing.assert_allclose(half_solarized[~same], inverted[~same], atol=1e-6)
    assert 6 <= same.sum() <= 26


def test_flip_happens_as_often_as_asked():
    images = random_images(400, size=4)
    for size in (4, 8):
        straight = applied(Augmentation(size=size), images)
        for probability in (0.0, 0.25, 1.0):
            got = applied(Augmentation(size=size, flip=probability), images)
            mirrored = np.all(np.abs(got - straight[:, :, ::-1]) < 1e-6, axis=(1, 2, 3))
            kept = np.all(np.abs(got - straight) < 1e-6, axis=(1, 2, 3))
            assert np.all(mirrored ^ kept)
            assert abs(mirrored.mean() - probability) <= (0.08 if probability == 0.25 else 0)


@pytest.mark.parametrize(
    "operation",
    ["jitter_prob", "grey_prob", "blur_prob", "solarize_prob"],
)
def test_probabilities_are_respected(operation):
    images = random_images(300, size=6)
    strengths = {"contrast": 0.5, "hue": 0.4} if operation == "jitter_prob" else {}
    for probability in (0.0, 0.3, 1.0):
        view = Augmentation(
            size=6, blur_kernel=3, blur_sigma=(1.0, 1.5), **strengths, **{operation: probability}
        )
        changed = np.any(np.abs(applied(view, images) - images / 255) > 1e-4, axis=(1, 2, 3))
        assert abs(changed.mean() - probability) <= (0.1 if probability == 0.3 else 0)


def test_strength_bounds_the_factor():
    images = np.full((500, 4, 4, 1), 51, np.uint8)
    factor = np.asarray(applied(Augmentation(size=4, brightness=0.4), images))[:, 0, 0, 0] / 0.2
    assert 0.6 - 1e-5 <= factor.min() < 0.62 and 1.38 < factor.max() <= 1.4 + 1e-5
    assert abs(factor.mean() - 1.0) < 0.03
    strong = np.asarray(applied(Augmentation(size=4, brightness=2.0), images))[:, 0, 0, 0] / 0.2
    assert 0 <= strong.min() < 0.05 and 2.9 < strong.max() <= 3 + 1e-5


def test_the_order_of_the_jitter_is_random():
    # Brightness then contrast, or the other way about: both occur about equally often.
    view = Augmentation(size=6, brightness=0.8, contrast=0.8)
    image = jnp.float32(random_images(1, size=6, channels=1)[0] / 255)
    draws = jax.jit(jax.vmap(lambda key: view.apply(key, image)))(keys_for(64))
    assert len(np.unique(np.asarray(draws).round(4), axis=0)) == 64


def test_the_whole_image_is_resized_where_no_crop_is_asked():
    images = np.full((1, 10, 14, 5), 128, np.uint8)
    got = applied(Augmentation(size=7), images)
    assert got.shape == (1, 7, 7, 5)
    np.testing.assert_allclose(got, 128 / 255, atol=1e-6)


@pytest.mark.parametrize(
    ("field", "value", "error", "said"),
    [
        ("size", 0, ValueError, "at least 1"),
        ("size", 32.0, TypeError, "whole number"),
        ("count", 0, ValueError, "at least 1"),
        ("count", True, TypeError, "whole number"),
        ("flip", 1.5, ValueError, "from 0.0 to 1.0"),
        ("grey_prob", "0.2", TypeError, "a number from 0.0 to 1.0"),
        ("brightness", -0.1, ValueError, "from 0.0"),
        ("contrast", float("nan"), ValueError, "from 0.0"),
        ("hue", 0.6, ValueError, "from 0.0 to 0.5"),
        ("crop_scale", (0.0, 1.0), ValueError, "0 < least <= greatest"),
        ("crop_scale", (0.8, 0.2), ValueError, "0 < least <= greatest"),
        ("crop_scale", (0.2, 1.2), ValueError, "greatest <= 1.0"),
        ("crop_scale", ("a", 1), TypeError, "numbers"),
        ("crop_scale", 0.2, TypeError, "pair"),
        ("crop_ratio", (0.5,), TypeError, "pair"),
        ("blur_sigma", (0.0, 2.0), ValueError, "0 < least"),
        ("blur_kernel", 4, ValueError, "odd"),
        ("blur_kernel", 65, ValueError, "at most 63"),
        ("interpolation", "cubic", ValueError, "one of bilinear, bicubic"),
        ("jitter", "simclr", ValueError, "one of torchvision, simclr_v1, simclr_v2"),
        ("blur", None, ValueError, "one of torchvision, tensorflow, pillow"),
    ],
)
def test_a_field_out_of_range_is_named_with_its_value(field, value, error, said):
    with pytest.raises(error) as caught:
        Augmentation(**{"size": 32, field: value})
    assert f"{field}={value!r}" in str(caught.value)
    assert said in str(caught.value)


def test_taps_of_a_blur_that_is_not_cut_are_refused():
    with pytest.raises(ValueError, match="blur_kernel=9 has no meaning with blur='pillow'"):
        Augmentation(size=32, blur="pillow", blur_kernel=9)


def test_plain_data_from_a_config_will_do():
    view = Augmentation(size=32, crop_scale=[0.2, 1], blur_sigma=[0.1, 2])
    assert view == Augmentation(size=32, crop_scale=(0.2, 1.0), blur_sigma=(0.1, 2.0))
    assert hash(view) == hash(Augmentation(size=32, crop_scale=(0.2, 1.0)))


def test_bad_batches_are_refused():
    def refused(views, keys, images):
        jax.eval_shape(lambda keys, images: multi_crop(views, keys, images), keys, images)

    with pytest.raises(ValueError, match="at least one Augmentation"):
        refused({}, keys_for(8), random_images(8))
    with pytest.raises(ValueError, match="got 8 keys for 2 images"):
        refused(VIEWS, keys_for(8), random_images(2))
    with pytest.raises(TypeError, match="int32"):
        refused(VIEWS, keys_for(8), random_images(8).astype(np.int32))
    with pytest.raises(ValueError, match="1 or 3 channels"):
        refused(VIEWS, keys_for(8), random_images(8, channels=4))
