import importlib

import numpy as np
import pytest
from PIL import Image

from ssljax.data import open_source, statistics


def of_images(source, *args, **options):
    return statistics(source, *args, **options)["image"]


module = importlib.import_module("ssljax.data.statistics")


def test_statistics_match_numpy(digits):
    mean, std = of_images(digits, limit=10_000)
    np.testing.assert_allclose(mean[0], (digits.arrays["image"] / 255).mean(), rtol=1e-5)
    np.testing.assert_allclose(std[0], (digits.arrays["image"] / 255).std(), rtol=1e-5)
    assert of_images(digits, limit=100)[0] == of_images(digits, limit=100)[0] != mean


def test_the_statistics_of_small_sets_stay_as_they_are(digits, fashion_mnist_dir):
    # A change of the last bit would change every run on them.
    assert [x.item().hex() for x in of_images(digits)] == [
        "0x1.39321c0000000p-2",
        "0x1.814f500000000p-2",
    ]
    fashion = open_source("tfds:fashion_mnist", data_dir=fashion_mnist_dir)
    assert [x.item().hex() for x in of_images(fashion)] == [
        "0x1.2471b60000000p-2",
        "0x1.69de740000000p-2",
    ]


def test_large_image_files_are_reduced_and_the_sample_ends(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    for number in range(6):
        small = Image.fromarray(rng.integers(0, 256, (5, 8, 3), np.uint8))
        file = tmp_path / f"{number}.{['jpg', 'png', 'webp'][number % 3]}"
        small.resize((320, 200 + number), Image.Resampling.BICUBIC).save(file, quality=95)
    source = open_source(f"folder:{tmp_path}", memory_limit=0)
    whole = of_images(source)
    monkeypatch.setattr(module, "_ENOUGH", 4_000)
    np.testing.assert_allclose(of_images(source), whole, atol=0.01)
    monkeypatch.setattr(module, "_PIXELS", 320 * 202)
    part = of_images(source)
    assert not np.allclose(part, whole, atol=0.001)
    two = open_source(f"folder:{tmp_path}", memory_limit=0)
    two.names = two.names[:2]
    np.testing.assert_array_equal(part, of_images(two))


def test_large_arrays_are_summed_in_parts(digits, monkeypatch):
    whole = of_images(digits)
    monkeypatch.setattr(module, "_ENOUGH", 24)
    np.testing.assert_allclose(of_images(digits), whole, rtol=1e-6)


@pytest.mark.parametrize("value", [0, 100, 200, 255])
def test_a_constant_channel_has_a_std_of_one(tmp_path, value):
    pixels = np.random.default_rng(0).integers(0, 256, (2, 500, 600, 4), np.uint8)
    pixels[..., 3] = value
    np.savez(tmp_path / "x.npz", image=pixels)
    mean, std = of_images(open_source(f"npz:{tmp_path / 'x.npz'}"))
    assert std[3] == 1 and abs(mean[3] - value / 255) < 1e-6 and (std[:3] < 0.5).all()


def test_what_was_computed_is_kept(class_folder, tmp_path, monkeypatch):
    folder = tmp_path / "statistics"
    first = of_images(open_source(f"folder:{class_folder}"), folder=folder)
    monkeypatch.setattr(module, "_moments", None)  # nothing is computed again
    np.testing.assert_array_equal(
        first, of_images(open_source(f"folder:{class_folder}"), folder=folder)
    )
    monkeypatch.undo()
    grey = of_images(open_source(f"folder:{class_folder}", channels=1), folder=folder)
    assert grey[0].shape == (1,)
    for file in folder.iterdir():
        file.write_text('{"mean": [0.5, 0.5, 0.5], "std": [0.1]}')
    np.testing.assert_array_equal(
        first, of_images(open_source(f"folder:{class_folder}"), folder=folder)
    )


def test_a_folder_that_cannot_be_written_costs_nothing(digits, tmp_path):
    (tmp_path / "file").write_text("no folder")
    np.testing.assert_array_equal(of_images(digits), of_images(digits, folder=tmp_path / "file"))
