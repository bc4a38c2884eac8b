"""Crops of the whole original image, made on the host."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from ssljax.data import Pipeline, images, open_source
from ssljax.data.host import CropGroup
from ssljax.data.host.crops import draw_boxes, enough
from tests.data.test_pipeline import assert_equal

LARGE, SMALL = "image.large", "image.small"
GROUPS = {LARGE: CropGroup(32, 2, (0.4, 1.0)), SMALL: CropGroup(12, 3, (0.05, 0.4))}


@pytest.fixture
def photos(tmp_path):
    """Smooth photos whose red and green tell the place, as JPEG."""
    for number in range(8):
        height, width = 300 + 20 * number, 400
        down, across = np.mgrid[:height, :width]
        pixels = np.stack([255 * across / width, 255 * down / height, 0 * down + 20], -1)
        file = tmp_path / f"{number}.jpg"
        Image.fromarray(pixels.astype(np.uint8)).save(file, quality=95)
    return open_source(f"folder:{tmp_path}", memory_limit=0)


def test_a_batch_holds_the_crops_of_every_group(photos):
    pipeline = Pipeline(photos, seed=1, batch_size=4, crops=GROUPS)
    batch = pipeline.batch(2)
    assert {name: value.shape for name, value in batch.items()} == {
        LARGE: (4, 2, 32, 32, 3),
        SMALL: (4, 3, 12, 12, 3),
        "id": (4,),
    }
    assert batch[SMALL].dtype == np.uint8
    assert_equal(batch, Pipeline(photos, seed=1, batch_size=4, crops=GROUPS).batch(2))
    (second,) = pipeline.iterate(2, 3)
    assert_equal(batch, second)
    half = Pipeline(photos, seed=1, batch_size=4, crops=GROUPS, rows=[2, 3]).batch(2)
    np.testing.assert_array_equal(half[SMALL], batch[SMALL][2:])
    alone = Pipeline(photos, seed=1, batch_size=4, crops={SMALL: GROUPS[SMALL]}).batch(2)
    # Without the large crops less is decoded of the JPEG, the boxes are the same.
    np.testing.assert_allclose(alone[SMALL].astype(int), batch[SMALL], atol=6)
    one = Pipeline(photos, seed=1, batch_size=4, crops={SMALL: GROUPS[SMALL]})
    assert pipeline.fingerprint() != one.fingerprint()


def test_worker_processes_make_the_same_crops(photos):
    threads, processes = (
        Pipeline(photos, seed=1, batch_size=4, crops=GROUPS, workers=workers) for workers in (0, 1)
    )
    (batch,) = processes.iterate(2, 3)
    assert_equal(batch, threads.batch(2))


def test_floats_and_labels_are_shipped(tmp_path):
    edges = np.zeros((6, 20, 30, 2), np.float32)
    edges[:, :, 15:] = 1
    np.savez(tmp_path / "x.npz", image=edges, label=np.arange(6))
    source = open_source(f"npz:{tmp_path / 'x.npz'}")
    batch = Pipeline(source, seed=1, batch_size=4, crops=GROUPS, labels=True).batch(0)
    assert batch[LARGE].dtype == np.float32 and batch[LARGE].shape == (4, 2, 32, 32, 2)
    assert batch[LARGE].min() == 0 and batch[LARGE].max() == 1  # though bicubic
    np.testing.assert_array_equal(batch["label"], batch["id"])


def test_crops_show_the_part_of_the_original_that_was_drawn(photos):
    batch = Pipeline(photos, seed=1, batch_size=8, crops=GROUPS).batch(0)
    widths, lefts = [], []
    for crop in batch[SMALL].reshape(-1, 12, 12, 3).astype(float):
        across = np.polyfit(np.arange(12) + 0.5, crop[..., 0].mean(0), 1)
        down = np.polyfit(np.arange(12) + 0.5, crop[..., 1].mean(1), 1)
        width, height = across[0] * 12 / 255, down[0] * 12 / 255
        widths.append(width * height)
        lefts.append(across[1] / 255)
    assert 0.04 < min(widths) and max(widths) < 0.42 and max(lefts) > 0.5 and min(lefts) < 0.2


def test_a_jpeg_is_shrunk_only_as_far_as_no_crop_lacks_pixels():
    def generator(name, view):
        return np.random.default_rng([len(name), view])

    for side in (60, 400, 3000):
        boxes = draw_boxes(GROUPS, side, side, generator)
        shrink = enough(GROUPS, boxes)
        for name, drawn in boxes.items():
            least = min(min(b[2] - b[0], b[3] - b[1]) for b in drawn)
            assert shrink == 1 or least / shrink >= GROUPS[name].size
    assert shrink > 8


@pytest.mark.parametrize("shrink", [1, 2, 3, 7, 8])
def test_a_shrunk_jpeg_keeps_so_many_pixels(photos, shrink):
    whole = images.decode(photos._read(0))
    small = images.decode(photos._read(0), shrink=shrink)
    assert small.shape[0] >= whole.shape[0] / shrink and small.shape[1] >= whole.shape[1] / shrink
    assert shrink in (1,) or small.shape[0] <= whole.shape[0] / 2 + 1
    reduced = images.resize(whole, (0, 0, whole.shape[1], whole.shape[0]), small.shape[:2])
    assert np.abs(reduced.astype(int) - small)[4:-4, 4:-4].max() <= 6


def test_what_the_device_adds_is_what_it_adds_to_its_own_crops():
    import jax

    from ssljax.ops.augment import Augmentation, finish_crops, multi_crop

    view = Augmentation(8, flip=0.5, brightness=0.4, hue=0.1, blur_prob=0.5, grey_prob=0.3, count=3)
    keys = jax.random.split(jax.random.key(0), 5)
    pixels = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), np.uint8)
    wanted = jax.jit(
        lambda: multi_crop({"a": view}, keys, pixels)["a"]
    )()  # of their size: not cropped
    cropping = dataclasses.replace(view, crop_scale=(0.1, 1.0))
    stacked = np.repeat(pixels[:, None], 3, axis=1)
    found = jax.jit(lambda: finish_crops({"a": cropping}, keys, {"a": stacked})["a"])()
    np.testing.assert_allclose(found, wanted, atol=1e-6)
