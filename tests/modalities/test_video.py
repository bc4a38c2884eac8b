"""Views of clips: those of images, alike for all frames; several clips; the raw baseline."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.errors import UserError
from ssljax.modalities import MODALITIES
from ssljax.models import build_encoder
from ssljax.objectives.views import Views
from ssljax.ops.augment import Augmentation, VideoView, multi_clip, multi_crop
from ssljax.spec import Field

FIELD = Field("video", (3, 12, 12, 3), "uint8", mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4))
ALL = dict(
    size=8,
    crop_scale=(0.3, 1.0),
    flip=0.5,
    brightness=0.4,
    contrast=0.4,
    saturation=0.4,
    hue=0.1,
    grey_prob=0.3,
    blur_prob=0.5,
    solarize_prob=0.3,
)
KEYS = jax.random.split(jax.random.key(0), 4)


def made_of(views, keys, clips):
    """Return the views of clips, compiled as one program."""
    run = jax.jit(lambda keys, clips: multi_clip(views, keys, clips))
    return jax.device_get(run(keys, clips))


def clips_of(shape=(4, 1, 3, 12, 12, 3), seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def test_each_frame_is_the_view_of_an_image_with_the_same_key():
    clips = clips_of()
    made = made_of({"a": VideoView(**ALL, count=2)}, KEYS, clips)["a"]
    assert made.shape == (4, 2, 3, 8, 8, 3)
    views = {"a": Augmentation(**ALL, count=2)}
    of_images = jax.jit(lambda images: multi_crop(views, KEYS, images)["a"])
    for frame in range(3):
        expected = of_images(clips[:, 0, frame])
        np.testing.assert_allclose(made[:, :, frame], expected, atol=2e-6)


def test_frames_come_backwards_where_a_view_asks():
    clips = clips_of()
    forwards = multi_clip({"a": VideoView(**ALL)}, KEYS, clips)["a"]
    backwards = multi_clip({"a": VideoView(**ALL, reverse=1.0)}, KEYS, clips)["a"]
    np.testing.assert_array_equal(backwards, forwards[:, :, ::-1])
    keys = jax.random.split(jax.random.key(1), 400)
    still = np.broadcast_to(np.arange(2, dtype=np.uint8)[:, None, None, None], (400, 1, 2, 2, 2, 1))
    some = made_of({"a": VideoView(size=2, reverse=0.25)}, keys, still)["a"]
    turned = np.asarray(some)[:, 0, 0, 0, 0, 0] > 0
    assert 0.17 < turned.mean() < 0.33
    with pytest.raises(ValueError, match="reverse=2 must be from 0.0 to 1.0"):
        VideoView(size=2, reverse=2)


def test_view_i_is_of_clip_i():
    clips = np.zeros((4, 2, 3, 12, 12, 3), np.uint8)
    clips[:, 1] = 255
    views = {"a": VideoView(size=8), "b": VideoView(size=4, count=3)}
    made = made_of(views, KEYS, clips)
    assert np.all(made["a"] == 0)
    assert [float(made["b"][0, i].mean()) for i in range(3)] == [1, 0, 1]
    with pytest.raises(ValueError, match="2 clips cannot be shared equally by 3 views"):
        multi_clip({"b": views["b"]}, KEYS, clips)


def test_two_views_of_an_objective_are_of_two_clips():
    clips = np.zeros((4, 2, 3, 12, 12, 3), np.uint8)
    clips[:, 1] = 255
    views = Views.crops(count=2).bound("video", FIELD.replace(shape=(2, 3, 12, 12, 3)))
    made = np.asarray(
        jax.jit(views.stacked)(jax.random.key(0), {"video": clips, "row": np.arange(4)})
    )
    assert made.shape == (4, 2, 3, 12, 12, 3)
    for clip, value in ((0, 0), (1, 1)):
        normal = (value - np.array(FIELD.mean)) / FIELD.std
        np.testing.assert_allclose(made[0, clip, 0, 0, 0], normal, rtol=1e-5)


def test_presets_in_pixels_are_as_large_as_the_videos_and_local_views_half():
    views = Views.dino((0.4, 1.0), (0.05, 0.4), local_count=2).bound("video", FIELD)
    assert {name: view.size for name, view in views.augmentations.items()} == {
        "global1": 12,
        "global2": 12,
        "local": 6,
    }


def test_colours_need_grey_or_rgb():
    field = Field("video", (3, 8, 8, 2), "uint8", mean=(0.5,) * 2, std=(0.2,) * 2)
    views = Views({"crop": {"hue": 0.1}}, given=True).bound("video", field)
    with pytest.raises(UserError, match=r"objective.views.crop: hue change.* 2 channels"):
        views.count  # noqa: B018


def test_clips_un_augmented():
    modality, clips = MODALITIES["video"], clips_of()
    assert modality.parts(clips) == 1 and modality.parts(clips[:, 0]) == 1
    assert modality.parts(clips_of((4, 5, 3, 12, 12, 3))) == 5
    plain = modality.plain(clips[:, 0], FIELD)
    expected = (clips[:, 0] / 255 - np.array(FIELD.mean)) / FIELD.std
    np.testing.assert_allclose(plain, expected, rtol=1e-4, atol=1e-5)
    several = FIELD.replace(shape=(2, *FIELD.shape))
    assert modality.shape(several) == FIELD.shape and modality.shape(several, 8) == (3, 8, 8, 3)
    with pytest.raises(UserError, match="set config.data.clips=1"):
        modality.plain(clips_of((4, 2, 3, 12, 12, 3)), several)


def test_the_raw_baseline_is_the_mean_frame_and_its_deviation():
    clips = clips_of((4, 3, 12, 12, 3))
    found = np.asarray(MODALITIES["video"].raw(clips, FIELD))
    assert found.shape == (4, 2 * 12 * 12 * 3)
    frames = clips.astype(np.float64) / 255
    mean, std = np.zeros((4, 12, 12, 3)), np.zeros((4, 12, 12, 3))
    for i in range(4):
        for t in range(3):
            mean[i] += frames[i, t] / 3
        for t in range(3):
            std[i] += (frames[i, t] - mean[i]) ** 2 / 3
    expected = np.concatenate([mean.reshape(4, -1), np.sqrt(std).reshape(4, -1)], axis=1)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    # Of several clips, over all of their frames.
    several = clips_of((4, 2, 3, 12, 12, 3))
    joined = MODALITIES["video"].raw(several.reshape(4, 6, 12, 12, 3), FIELD)
    np.testing.assert_allclose(MODALITIES["video"].raw(several, FIELD), joined, atol=1e-5)


def test_each_channel_of_a_patch_is_normalised_by_itself():
    encoder = build_encoder({"name": "video_transformer", "tubelet": 3, "patch_size": 6}, FIELD)
    target = MODALITIES["video"].reconstruction(FIELD, encoder, True)
    assert target.out == 3 * 6 * 6 * 3
    x = np.random.default_rng(0).normal(size=(2, 3, 12, 12, 3)).astype(np.float32)
    expected = np.zeros((2, 4, target.out))
    for example in range(2):
        for number, (row, column) in enumerate([(0, 0), (0, 6), (6, 0), (6, 6)]):
            patch = x[example, :, row : row + 6, column : column + 6].astype(np.float64)
            for channel in range(3):
                own = patch[..., channel]
                patch[..., channel] = (own - own.mean()) / np.sqrt(own.var(ddof=1) + 1e-6)
            expected[example, number] = patch.ravel()
    np.testing.assert_allclose(target.target(jnp.asarray(x)), expected, rtol=1e-4, atol=1e-5)
    plain = MODALITIES["video"].reconstruction(FIELD, encoder, False).target(jnp.asarray(x))
    np.testing.assert_array_equal(plain[0, 3], x[0, :, 6:, 6:].ravel())
