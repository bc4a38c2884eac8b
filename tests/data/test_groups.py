"""Who or what the examples of a source are of."""

import numpy as np
import pytest
from PIL import Image

from ssljax.data import Subset, groups_of, only, open_source
from ssljax.errors import UserError


def _npz(path, **arrays):
    np.savez(path, **arrays)
    return f"npz:{path}"


@pytest.mark.parametrize(
    "values",
    [
        {"image": np.zeros((4, 8, 8), np.uint8)},
        {"series": np.arange(40.0).reshape(4, 10)},
        {"table": np.arange(12.0).reshape(4, 3)},
    ],
    ids=lambda values: next(iter(values)),
)
def test_groups_of_npz_files(tmp_path, values):
    group = np.array(["ann", "bob", "ann", "cy"])
    label = np.array([0, 1, 0, 1])
    plain = open_source(_npz(tmp_path / "a.npz", **values, label=label))
    source = open_source(_npz(tmp_path / "b.npz", **values, label=label, group=group))
    assert groups_of(plain) is None
    np.testing.assert_array_equal(groups_of(source), group)
    np.testing.assert_array_equal(groups_of(Subset(source, [3, 0])), ["cy", "ann"])
    np.testing.assert_array_equal(groups_of(only(source, ())), group)
    content = [one.fingerprint()["content"] for one in (plain, source)]
    assert content[0] == content[1]  # a run goes on where groups are added
    assert "group" not in source.fields and "group" not in source[0]
    wrong = _npz(tmp_path / "c.npz", **values, label=label, group=group[:3])
    with pytest.raises(UserError, match=r"'group' of .*c.npz.*4 examples; it is <U3 of \(3,\)"):
        open_source(wrong)


def test_groups_of_one_file_with_both_splits(tmp_path):
    arrays = {
        "train_image": np.zeros((2, 8, 8), np.uint8),
        "train_group": np.array([5, 6]),
        "test_image": np.ones((3, 8, 8), np.uint8),
        "test_group": np.array([7, 7, 8]),
    }
    name = _npz(tmp_path / "a.npz", **arrays)
    assert groups_of(open_source(name, split="test")).tolist() == [7, 7, 8]


def test_folders_within_classes_are_groups(tmp_path):
    for size in ((8, 8), (8, 9)):  # as arrays, and as files of several sizes
        for number, path in enumerate(("cat/x/1", "cat/y/2", "dog/x/deep/3", "dog/y/4")):
            file = tmp_path / str(size) / f"{path}.png"
            file.parent.mkdir(parents=True)
            Image.new("L", size if number else (8, 8)).save(file)
        source = open_source(f"folder:{tmp_path / str(size)}")
        assert groups_of(source).tolist() == ["x", "y", "x", "y"]
        assert source.class_names == ("cat", "dog")
        Image.new("L", (8, 8)).save(tmp_path / str(size) / "dog" / "5.png")
        assert groups_of(open_source(f"folder:{tmp_path / str(size)}")) is None
