"""Image folders with known content, and Fashion-MNIST itself where it can be had."""

import os
import pathlib

import numpy as np
import pytest
from PIL import Image

from ssljax.data import open_source, prepare

DATA_DIR = pathlib.Path(__file__).parents[2] / ".cache" / "data"


@pytest.fixture(scope="session")
def fashion_mnist_dir():
    """The data directory with Fashion-MNIST prepared; fetched once, then kept."""
    directory = os.environ.get("SSLJAX_TEST_DATA_DIR", str(DATA_DIR))
    prepared = prepare("fashion_mnist", directory)
    if prepared.name != "tfds:fashion_mnist":
        pytest.skip(prepared.sentence)
    return directory


@pytest.fixture(scope="session")
def digits():
    return open_source("sklearn:digits", split="train")


def picture(number: int, height: int = 12, width: int = 16, mode: str = "RGB") -> Image.Image:
    """A picture whose red value tells its number."""
    pixels = np.random.default_rng(number).integers(0, 256, (height, width, 3), np.uint8)
    pixels[..., 0] = number
    return Image.fromarray(pixels).convert(mode)


@pytest.fixture
def class_folder(tmp_path):
    """train/{ant,bee}, test/{bee}: 6 + 4 and 3 PNG files of 12 x 16."""
    for folder, numbers in {
        "train/ant": range(6),
        "train/bee/deeper": range(6, 10),
        "test/bee": range(10, 13),
    }.items():
        (tmp_path / folder).mkdir(parents=True)
        for number in numbers:
            picture(number).save(tmp_path / folder / f"{number}.png")
    (tmp_path / "train" / "README.txt").write_text("no image")
    return tmp_path
