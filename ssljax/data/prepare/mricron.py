"""MRIcron's templates (Debian's mricron-data; BSD): slices of a brain in MRI, with their regions.

`ch2` is the mean of 27 T1-weighted scans of one person (Holmes et al. 1998) and `aal` the automated
anatomical labelling of that brain (Tzourio-Mazoyer et al. 2002), both with voxels of 1 mm. One
brain: what is measured on it shows that the code works, and says nothing of other people.

An example is an axial slice, 112 x 112 pixels of 2 mm; its mask names the region of each pixel. The
116 labels of the atlas are put together into 7 regions; a pixel of the brain that has none of them
is white matter or fluid, `unlabelled`, and what is not of the brain, `outside`.

Slices that are neighbours look alike, so train and test are slabs: of every 20 slices 12 are train,
4 are test, and 2 on either side of those are left out.
"""

import pathlib
from typing import Any

import numpy as np

from ssljax.data.images import image_field
from ssljax.data.prepare.debian import Package
from ssljax.data.sources.arrays import Arrays
from ssljax.errors import UserError, optional_package

PACKAGE = Package("mricron-data", "BSD-3-Clause")
FOLDER = "usr/share/mricron/templates"
CLASSES = (
    *("outside", "unlabelled", "frontal", "parietal", "temporal", "occipital", "limbic"),
    *("deep_grey", "cerebellum"),
)
# The first number of each region in the atlas, whose numbers follow its anatomy.
FIRST_NUMBERS = {
    1: "frontal",  # Precentral_L
    29: "limbic",  # Insula_L, cingulum, hippocampus, amygdala
    43: "occipital",  # Calcarine_L
    57: "parietal",  # Postcentral_L
    71: "deep_grey",  # Caudate_L, putamen, pallidum, thalamus
    79: "temporal",  # Heschl_L
    91: "cerebellum",  # Cerebelum_Crus1_L, vermis
}
SIDE, SIZE = 224, 112  # millimetres, pixels
PERIOD, TRAIN, GAP = 20, 12, 2  # slices


def nibabel() -> Any:
    """Return the package that reads NIfTI files.

    Raises:
      UserError: it is not installed.
    """
    return optional_package("nibabel", "mri")


def read_mricron(package: pathlib.Path) -> Arrays:
    """Return axial slices as images, with masks int32[n, 112, 112] as label.

    Args:
      package: the folder of the unpacked package.

    Raises:
      UserError: nibabel is not installed, or the package holds other volumes.
    """
    scan, brain, atlas = (_volume(package / FOLDER, name) for name in ("ch2", "ch2bet", "aal"))
    if not scan.shape == brain.shape == atlas.shape:
        raise UserError(f"the volumes of {PACKAGE.name} differ in shape; it is another version")
    regions = coarse(atlas, brain > 0)
    shown = np.flatnonzero((regions > 0).any(axis=(0, 1)))
    splits = {}
    for split, numbers in slabs(int(shown[0]), int(shown[-1]) + 1).items():
        images = np.stack([_pixels(scan[:, :, z]) for z in numbers])
        splits[split] = {
            "image": np.rint(images).astype(np.uint8)[..., None],
            "label": np.stack([_padded(regions[:, :, z])[::2, ::2] for z in numbers]),
        }
    return Arrays(splits, {"image": image_field(splits["train"]["image"])}, CLASSES)


def _volume(folder: pathlib.Path, name: str) -> np.ndarray:
    path = folder / f"{name}.nii.gz"
    try:
        return np.asarray(nibabel().load(path).dataobj)
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {path.name} of {PACKAGE.name}: {error}") from error


def coarse(atlas: np.ndarray, brain: np.ndarray) -> np.ndarray:
    """Return the place in `CLASSES` of each voxel, int32.

    Args:
      atlas: numbers of the atlas, 0 where there is none.
      brain: whether a voxel is of the brain.
    """
    starts = np.array(sorted(FIRST_NUMBERS))
    places = np.array([CLASSES.index(FIRST_NUMBERS[start]) for start in starts.tolist()], np.int32)
    found = places[np.searchsorted(starts, np.maximum(atlas, 1), side="right") - 1]
    return np.where(atlas > 0, found, np.where(brain, 1, 0)).astype(np.int32)


def slabs(begin: int, end: int) -> dict[str, list[int]]:
    """Return the slices of train and of test among those from `begin` to `end - 1`.

    >>> {split: numbers[:5] for split, numbers in slabs(10, 50).items()}
    {'train': [10, 11, 12, 13, 14], 'test': [24, 25, 26, 27, 44]}
    """
    places = {z: (z - begin) % PERIOD for z in range(begin, end)}
    first, last = TRAIN + GAP, PERIOD - GAP
    return {
        "train": [z for z, place in places.items() if place < TRAIN],
        "test": [z for z, place in places.items() if first <= place < last],
    }


def _padded(plane: np.ndarray) -> np.ndarray:
    """Return a slice with the nose up, in the middle of a square of 224 mm."""
    plane = np.rot90(plane)
    spare = [SIDE - side for side in plane.shape]
    return np.pad(plane, [(one // 2, one - one // 2) for one in spare])


def _pixels(plane: np.ndarray) -> np.ndarray:
    square = _padded(plane).astype(np.float32)
    return square.reshape(SIZE, 2, SIZE, 2).mean(axis=(1, 3))
