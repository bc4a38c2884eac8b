"""Slices of a brain: regions, slabs, and what is stored of them."""

import types

import numpy as np
import pytest

from ssljax.data import prepare
from ssljax.data.prepare import mricron, packaged
from ssljax.data.sources.arrays import load
from ssljax.data.sources.packaged import file_of
from ssljax.errors import UserError


@pytest.fixture
def package(tmp_path, monkeypatch):
    """The three volumes as NumPy's files: an atlas of boxes in a brain of 60 slices."""
    folder = tmp_path / mricron.FOLDER
    folder.mkdir(parents=True)
    atlas = np.zeros((181, 217, 181), np.uint8)
    atlas[40:80, 50:60, 30:90], atlas[40:80, 150:160, 30:90] = 43, 3  # at the back, in front
    volumes = {"ch2": 100 + 0 * atlas, "ch2bet": np.zeros_like(atlas), "aal": atlas}
    volumes["ch2"][..., 30] = 7
    volumes["ch2bet"][20:100, 40:170, 30:90] = 1
    for name, volume in volumes.items():
        with (folder / f"{name}.nii.gz").open("wb") as file:
            np.save(file, volume)
    reader = types.SimpleNamespace(load=lambda path: types.SimpleNamespace(dataobj=np.load(path)))
    monkeypatch.setattr(mricron, "nibabel", lambda: reader)
    return tmp_path


def test_numbers_of_the_atlas_become_regions():
    atlas = np.array([0, 0, 1, 28, 29, 42, 43, 56, 57, 70, 71, 78, 79, 90, 91, 116], np.uint8)
    brain = np.arange(len(atlas)) != 0
    names = [mricron.CLASSES[place] for place in mricron.coarse(atlas, brain)]
    pairs = ("frontal", "limbic", "occipital", "parietal", "deep_grey", "temporal", "cerebellum")
    assert names == ["outside", "unlabelled", *(name for name in pairs for _ in range(2))]


def test_no_slice_of_test_is_near_one_of_train():
    found = mricron.slabs(3, 150)
    apart = np.abs(np.subtract.outer(found["train"], found["test"]))
    assert apart.min() == mricron.GAP + 1
    assert len(found["train"]) > 2 * len(found["test"]) > 50


def test_slices_are_stored_with_their_masks(package, tmp_path, monkeypatch):
    monkeypatch.setattr(packaged, "fetch_package", lambda name, folder: package)
    assert prepare("mricron", tmp_path / "data").name == "debian:mricron"
    found = load(file_of("debian:mricron", tmp_path / "data"))
    train, test = found.splits["train"], found.splits["test"]
    assert train["image"].shape == (36, 112, 112, 1) and test["label"].shape == (12, 112, 112)
    assert train["label"].dtype == np.int32 and found.class_names == mricron.CLASSES
    # The first slice with a region, padded to 224 mm at twice the size of a pixel.
    assert train["image"][0].max() == 7 and train["image"][1].max() == 100
    mask = train["label"][0]
    assert set(np.unique(mask)) == {0, 1, 2, 5}
    front, back = (np.nonzero(mask == place)[0].mean() for place in (2, 5))
    assert front < back  # the nose is up


def test_a_damaged_volume_is_told(package):
    (package / mricron.FOLDER / "aal.nii.gz").write_bytes(b"half")
    with pytest.raises(UserError, match=r"cannot read aal.nii.gz of mricron-data"):
        mricron.read_mricron(package)
