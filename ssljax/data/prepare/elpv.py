"""ELPV (Deitsch et al. 2019, arXiv:1807.02894; CC-BY-NC-SA-4.0): solar cells, intact or defective.

2,624 cells of 44 modules under electroluminescence, grey, 300 x 300 pixels, here 128 x 128. Experts
gave each a probability of being defective: 0, 1/3, 2/3 or 1. A cell of 1/2 or more is defective.

The files do not say which module a cell is of, but they come module after module. So the split goes
by blocks of 64 files, of which every fourth is test: cells of one module are rarely in both.
"""

import io
import pathlib

import numpy as np
from PIL import Image

from ssljax.data.images import image_field
from ssljax.data.prepare.wheels import Wheel, read_member
from ssljax.data.sources.arrays import Arrays

WHEEL = Wheel(
    "elpv-dataset",
    "1.0.0.post1",
    "85e31c1126ee9b48e62d3a0232c58f58b2d189b0814a45c13642fa0415af4a4c",
    "CC-BY-NC-SA-4.0: to be named, not for commercial use, to be passed on alike",
)
SIZE = 128  # pixels
CLASSES = ("intact", "defective")
BLOCK, TEST_EVERY = 64, 4  # files of a block, blocks
_FOLDER = "elpv_dataset/data"


def read_elpv(wheel: pathlib.Path) -> Arrays:
    """Return the cells as images, with the class as label.

    "probability" float32[n] is what the experts gave, "group" int32[n] the block of files.
    """
    table = read_member(wheel, f"{_FOLDER}/labels.csv").decode().split("\n")
    rows = [line.split() for line in table if line.strip()]  # path, probability, type of the module
    images = np.stack([_cell(read_member(wheel, f"{_FOLDER}/{path}")) for path, *_ in rows])
    probability = np.array([float(row[1]) for row in rows], np.float32)
    label = (probability >= 0.5).astype(np.int32)
    group = np.arange(len(rows), dtype=np.int32) // BLOCK
    is_test = group % TEST_EVERY == TEST_EVERY - 1
    arrays = {"image": images, "label": label, "probability": probability, "group": group}
    splits = {
        split: {name: array[part] for name, array in arrays.items()}
        for split, part in {"train": ~is_test, "test": is_test}.items()
    }
    return Arrays(splits, {"image": image_field(splits["train"]["image"])}, CLASSES)


def _cell(png: bytes) -> np.ndarray:
    grey = Image.open(io.BytesIO(png)).convert("L")
    return np.asarray(grey.resize((SIZE, SIZE), Image.Resampling.LANCZOS))[..., None]
