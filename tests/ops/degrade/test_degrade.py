import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage

from ssljax.ops import degrade
from ssljax.ops.degrade import STRENGTHS
from ssljax.ops.degrade.image import BLUR, CONTRAST, NOISE, OCCLUSION

KEY = jax.random.key(3)
IMAGE = scipy.ndimage.gaussian_filter(np.random.default_rng(0).random((32, 24, 3)), 1).astype("f4")
SERIES = jax.random.normal(jax.random.key(1), (200, 6))
ROW, BANK = jnp.arange(20.0), jnp.arange(20.0) + jnp.array([[100.0], [200.0]])
OF_IMAGES = ("noise", "blur", "contrast", "occlusion", "rotation")
ALL = {
    **{f"image_{name}": (getattr(degrade, f"image_{name}"), IMAGE) for name in OF_IMAGES},
    "series_noise": (degrade.series_noise, SERIES),
    "series_dropped_channels": (degrade.series_dropped_channels, SERIES),
    "table": (functools.partial(degrade.table_replaced_cells, bank=BANK), ROW),
}


@pytest.mark.parametrize("name", ALL)
def test_a_stronger_corruption_changes_more(name):
    corrupt, example = ALL[name]
    run = jax.jit(lambda strength: corrupt(KEY, example, strength))  # the strength is traced
    distance = [float(jnp.mean((run(strength) - example) ** 2)) for strength in STRENGTHS]
    assert distance[0] > 0
    assert all(a <= b * (1 + 1e-6) for a, b in zip(distance, distance[1:], strict=False)), distance
    assert distance[-1] > 1.3 * distance[0]


@pytest.mark.parametrize("name", [f"image_{one}" for one in OF_IMAGES])
@pytest.mark.parametrize("strength", [1, 5])
def test_images_stay_images(name, strength):
    run = jax.jit(lambda image: ALL[name][0](KEY, image, strength))
    for image in (np.zeros((8, 8, 1), "f4"), np.ones((5, 9, 3), "f4"), IMAGE):
        made = np.asarray(run(image))
        assert made.shape == image.shape and made.dtype == jnp.float32
        assert float(made.min()) >= -1e-6 and float(made.max()) <= 1 + 1e-6


def test_an_example_is_corrupted_by_its_own_key():
    keys = jax.random.split(KEY, 8)
    images = np.stack([IMAGE] * 8)
    for name in ("image_noise", "image_occlusion", "image_rotation"):
        run = jax.jit(jax.vmap(ALL[name][0], (0, 0, None)), static_argnums=2)
        whole = np.asarray(run(keys, images, 3))
        np.testing.assert_allclose(run(keys[2:], images[2:], 3), whole[2:], atol=1e-6)
        assert bool((whole[1:] != whole[:1]).any()), name


@pytest.mark.parametrize("strength", STRENGTHS)
def test_noise_has_the_spread_of_the_table(strength):
    grey = jnp.full((64, 64, 3), 0.5)
    noise = np.asarray(degrade.image_noise(KEY, grey, strength)) - 0.5
    inside = np.abs(noise) < 0.5  # what is cut to [0, 1] is not of the normal distribution
    sigma = NOISE[strength - 1]
    expected = scipy.stats.truncnorm.std(-0.5 / sigma, 0.5 / sigma) * sigma
    assert noise[inside].std() == pytest.approx(expected, rel=0.03)


def test_blur_against_scipy():
    for strength in (1, 5):
        sigma = BLUR[strength - 1] * 24
        reach = int(np.ceil(4 * BLUR[-1] * 24))
        expected = scipy.ndimage.gaussian_filter(
            np.asarray(IMAGE, np.float64),
            (sigma, sigma, 0),
            mode="mirror",
            radius=(reach, reach, 0),
        )
        np.testing.assert_allclose(degrade.image_blur(KEY, IMAGE, strength), expected, atol=2e-5)


def test_contrast_by_hand():
    image = jnp.array([0.0, 1.0]).reshape(1, 2, 1)
    made = degrade.image_contrast(KEY, image, 2)
    np.testing.assert_allclose(made[0, :, 0], [0.5 - 0.5 * 0.3, 0.5 + 0.5 * 0.3], rtol=1e-6)
    assert CONTRAST[1] == 0.3


@pytest.mark.parametrize("strength", STRENGTHS)
def test_an_occlusion_is_one_whole_rectangle(strength):
    blank = jnp.zeros((40, 20, 1))
    keys = jax.random.split(KEY, 50)
    made = jax.vmap(degrade.image_occlusion, (0, None, None))(keys, blank, strength)
    side = np.sqrt(OCCLUSION[strength - 1])
    for one in np.asarray(made[..., 0]):
        rows, columns = np.flatnonzero(one.any(1)), np.flatnonzero(one.any(0))
        assert (one[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] == 0.5).all()
        assert (len(rows), len(columns)) == (round(side * 40), round(side * 20))


def test_rotation_against_scipy():
    square = IMAGE[:24]
    for seed in range(4):
        made = degrade.image_rotation(jax.random.key(seed), square, 3)
        both = [
            scipy.ndimage.rotate(np.asarray(square), angle, reshape=False, order=1, mode="nearest")
            for angle in (30, -30)
        ]
        assert min(np.abs(made - one).max() for one in both) < 1e-4
    made = jax.vmap(degrade.image_rotation, (0, None, None))(jax.random.split(KEY, 40), square, 3)
    assert 10 < int((jnp.abs(made - made[:1]).max(axis=(1, 2, 3)) < 1e-6).sum()) < 30


def test_dropped_channels_by_number():
    for strength, count in zip(STRENGTHS, (1, 1, 2, 2, 3), strict=True):
        made = np.asarray(degrade.series_dropped_channels(KEY, SERIES, strength))
        dropped = (made == 0).all(axis=0)
        assert dropped.sum() == count
        np.testing.assert_array_equal(made[:, ~dropped], np.asarray(SERIES)[:, ~dropped])
    two = degrade.series_dropped_channels(KEY, SERIES[:, :2], 5)
    assert int((two == 0).all(axis=0).sum()) == 1
    with pytest.raises(ValueError, match="only channel"):
        degrade.series_dropped_channels(KEY, SERIES[:, :1], 1)


def test_replaced_cells_come_from_their_column():
    made = np.asarray(degrade.table_replaced_cells(KEY, ROW, 5, BANK))
    replaced = made != np.asarray(ROW)
    assert replaced.sum() == 10
    np.testing.assert_array_equal(made[replaced] % 100, np.flatnonzero(replaced))
    few = np.asarray(degrade.table_replaced_cells(KEY, ROW[:3], 1, BANK[:, :3]))
    assert (few != np.arange(3)).sum() == 1


def test_dropped_words_keep_their_order():
    ids = jnp.concatenate([jnp.arange(1, 101), jnp.zeros(20, int)]).astype(jnp.int32)
    segments = (ids > 0).astype(jnp.int32)
    left = []
    for strength in STRENGTHS:
        made, own = degrade.text_dropped_words(KEY, ids, segments, strength)
        words = np.asarray(made)[np.asarray(own) > 0]
        assert (np.diff(words) > 0).all() and words.min() >= 1
        assert (np.asarray(made)[len(words) :] == 0).all() and own.sum() == len(words)
        left.append(len(words))
    np.testing.assert_allclose(left, [90, 80, 70, 60, 50], atol=12)
    assert sorted(left, reverse=True) == left


def test_dropped_words_of_bytes():
    text = b"one two three four five six seven eight nine ten"
    ids = jnp.asarray(np.frombuffer(text + b"\0\0\0", np.uint8).astype(np.int32))
    segments = jnp.asarray(np.arange(len(ids)) < len(text), jnp.int32)
    made, own = degrade.text_dropped_words(KEY, ids, segments, 4, space=32)
    kept = bytes(np.asarray(made)[np.asarray(own) > 0].astype(np.uint8)).decode().split()
    words = text.decode().split()
    assert 1 < len(kept) < len(words)
    assert [word for word in words if word in kept] == kept
    begin, end = jnp.array([256]), jnp.array([257])
    whole = jnp.concatenate([begin, ids[: len(text)], end, jnp.zeros(3, int)]).astype(jnp.int32)
    real = (jnp.arange(len(whole)) < len(text) + 2).astype(jnp.int32)
    options = {"space": 32, "special": (256, 257)}
    run = jax.jit(functools.partial(degrade.text_dropped_words, strength=5, **options))
    for seed in range(20):  # something is always left, and no special token goes
        made, own = run(jax.random.key(seed), whole, real)
        left = np.asarray(made)[np.asarray(own) > 0]
        assert left[0] == 256 and left[-1] == 257 and len(left) > 2
        kept = bytes(left[1:-1].astype(np.uint8)).decode().split()
        assert [word for word in words if word in kept] == kept
    for seed in range(20):
        one, own = degrade.text_dropped_words(jax.random.key(seed), ids[:3], segments[:3], 5)
        assert own.sum() >= 1 and int(one[0]) in text[:3]
