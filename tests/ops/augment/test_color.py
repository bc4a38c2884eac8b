import itertools

import dm_pix
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from ssljax.ops.augment import color_jitter, solarize, to_grey
from tests.reference import augment as reference

NAMES = ("brightness", "contrast", "saturation", "hue")
CHOICES = [c for n in (1, 2, 3) for c in itertools.combinations(range(4), n)]
ORDERS = np.array(list(itertools.permutations(range(4))))
IN_ORDER = jnp.arange(4)


def random_image(channels=3, size=6):
    image = np.random.default_rng(channels).random((size, size, channels))
    # Corners of the colour cube and greys are where the hue formula divides by zero or ties.
    corners = np.array(list(itertools.product((0, 1), repeat=3)))
    image.reshape(-1, channels)[:8] = corners[:, :channels]
    image[-1] = image[-1, :, :1]
    return image


@pytest.mark.parametrize("like", reference.JITTERS)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("factors", [(1.6, 0.4, 1.8, 0.3), (0.5, 1.7, 0.2, -0.4)])
def test_every_order_is_the_steps_one_by_one(channels, factors, like):
    image = random_image(channels)
    jitter = jax.jit(
        jax.vmap(
            lambda order: color_jitter(
                jnp.float32(image), order, **dict(zip(NAMES, factors, strict=True)), like=like
            )
        )
    )
    got = np.asarray(jitter(jnp.asarray(ORDERS)))
    expected = np.stack([reference.color_jitter(image, order, factors, like) for order in ORDERS])
    np.testing.assert_allclose(got, expected, atol=2e-6)
    # The case is of use only if the order matters: with one channel 2 operations are left, else 4.
    # The saturation of HSV commutes with hue and with a factor of the brightness.
    different = {"torchvision": 12, "simclr_v1": 12, "simclr_v2": 8}[like]
    assert len(np.unique(expected.round(4), axis=0)) >= (2 if channels == 1 else different)


@pytest.mark.parametrize("like", ["torchvision", "simclr_v1"])
@pytest.mark.parametrize("chosen", CHOICES)
def test_every_choice_of_operations_leaves_the_others_out(chosen, like):
    # Many pixels and other factors for every example: a compiled program that rounds a value in
    # two ways where it uses it twice has gone wrong at one pixel in a thousand.
    rng = np.random.default_rng(0)
    images = rng.random((len(ORDERS), 16, 16, 3))
    factors = rng.uniform((0.6, 0.6, 0.6, -0.2), (1.4, 1.4, 1.4, 0.2), (len(ORDERS), 4))
    given = {NAMES[kind]: jnp.float32(factors[:, kind]) for kind in chosen}
    jitter = jax.jit(
        jax.vmap(lambda image, order, given: color_jitter(image, order, **given, like=like))
    )
    got = jitter(jnp.float32(images), jnp.asarray(ORDERS), given)
    for image, order, factor, result in zip(images, ORDERS, factors, got, strict=True):
        kept = [kind for kind in order if kind in chosen]
        expected = reference.color_jitter(image, kept, factor, like)
        np.testing.assert_allclose(result, expected, atol=4e-6)


def test_hue_of_an_image_that_the_compiler_computes_on_the_way():
    images = np.random.default_rng(0).random((24, 16, 16, 3))
    factor = np.linspace(0.6, 1.0, 24)[:, None, None, None]
    weights = (0.3, 0.6, 0.1)

    @jax.jit
    @jax.vmap
    def compiled(image, factor):
        mean = sum(w * image[..., i : i + 1] for i, w in enumerate(weights))
        return color_jitter(factor * image + (1 - factor) * mean, IN_ORDER, hue=0.1)

    faded = factor * images + (1 - factor) * (images @ np.array(weights))[..., None]
    expected = np.stack([reference.hue(image, 0.1) for image in faded])
    np.testing.assert_allclose(
        compiled(jnp.float32(images), jnp.float32(factor)), expected, atol=4e-6
    )


@pytest.mark.parametrize("like", reference.JITTERS)
def test_factors_that_change_nothing_change_not_one_bit(like):
    image = jnp.float32(random_image())
    still = dict(brightness=1.0, contrast=1.0, saturation=1.0, hue=0.0)
    np.testing.assert_array_equal(color_jitter(image, IN_ORDER, **still, like=like), image)


@pytest.mark.parametrize("factor", [0.0, 0.6, 1.0, 1.4, 1.8])
def test_operations_of_simclr_are_those_of_dm_pix(factor):
    """dm_pix has tf.image's in JAX, as BYOL's code; `random_image` has corners, greys and black."""
    image = jnp.float32(random_image())
    expected = {
        "brightness": dm_pix.adjust_brightness(image, factor - 1),
        "contrast": dm_pix.adjust_contrast(image, factor),
        "saturation": dm_pix.adjust_saturation(image, factor),
    }
    for name, wanted in expected.items():
        got = color_jitter(image, IN_ORDER, **{name: factor}, like="simclr_v1")
        np.testing.assert_allclose(got, np.clip(wanted, 0, 1), atol=2e-6)
    got = color_jitter(image, IN_ORDER, brightness=factor, like="simclr_v2")
    np.testing.assert_allclose(got, np.clip(factor * image, 0, 1), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "enhance"),
    [
        ("brightness", ImageEnhance.Brightness),
        ("contrast", ImageEnhance.Contrast),
        ("saturation", ImageEnhance.Color),
    ],
)
@pytest.mark.parametrize("factor", [0.0, 0.5, 1.4])
def test_blends_are_those_of_pillow_in_bytes(name, enhance, factor):
    image = (random_image() * 255).round().astype(np.uint8)
    expected = np.asarray(enhance(Image.fromarray(image)).enhance(factor), np.float64)
    got = 255 * color_jitter(jnp.float32(image / 255), IN_ORDER, **{name: factor})
    # Pillow rounds the grey, its mean and the result.
    assert np.abs(np.asarray(got) - expected).max() < 2


@pytest.mark.parametrize("turn", [-0.5, -0.13, 0.07, 0.5])
def test_hue_is_that_of_dm_pix(turn):
    image = jnp.float32(random_image())
    got = color_jitter(image, IN_ORDER, hue=turn)
    np.testing.assert_allclose(got, dm_pix.adjust_hue(image, turn), atol=2e-6)


def test_grey_and_solarize_are_those_of_pillow_in_bytes():
    image = (random_image() * 255).round().astype(np.uint8)
    unit = jnp.float32(image / 255)
    grey = np.asarray(Image.fromarray(image).convert("L"), np.float64)[..., None]
    assert np.abs(255 * np.asarray(to_grey(unit)) - grey).max() < 1
    inverted = np.asarray(ImageOps.solarize(Image.fromarray(image), 128))
    np.testing.assert_allclose(255 * solarize(unit), inverted, atol=1e-4)


def test_grey_leaves_one_channel_alone_and_solarize_takes_any():
    image = jnp.float32(random_image(1))
    assert to_grey(image) is image
    image = np.random.default_rng(0).random((4, 4, 5))
    np.testing.assert_allclose(solarize(jnp.float32(image)), reference.solarize(image), atol=1e-7)


def test_brightness_takes_any_number_of_channels_and_the_others_say_what_they_take():
    image = jnp.full((4, 4, 5), 0.5)
    np.testing.assert_allclose(color_jitter(image, IN_ORDER, brightness=0.5), 0.25)
    for name in ("contrast", "saturation", "hue"):
        with pytest.raises(ValueError, match=r"1 or 3 channels, got shape \(4, 4, 5\)"):
            color_jitter(image, IN_ORDER, **{name: 0.5})
    with pytest.raises(ValueError, match="1 or 3 channels"):
        to_grey(image)
    with pytest.raises(ValueError, match="like='simclr' must be one of torchvision, simclr_v1"):
        color_jitter(image, IN_ORDER, brightness=0.5, like="simclr")
