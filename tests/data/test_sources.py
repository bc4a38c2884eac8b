import json
import os
import struct
import sys
import zlib

import numpy as np
import pytest
from array_record.python.array_record_module import ArrayRecordWriter
from PIL import Image

from ssljax.data import KINDS, images, open_source, statistics
from ssljax.data.sources import validate
from ssljax.errors import UserError
from tests.data.conftest import picture


def red_values(source):
    return [int(source[i]["image"][0, 0, 0]) for i in range(len(source))]


# --- digits ---------------------------------------------------------------------------------------


def test_digits_are_split_once_and_for_all(digits):
    test = open_source("sklearn:digits", split="test")
    assert (len(digits), len(test), digits.num_classes) == (1438, 359, 10)
    assert digits.fields["image"].shape == (8, 8, 1) and digits.arrays["image"].max() == 255
    assert set(digits.arrays["label"]) == set(test.arrays["label"]) == set(range(10))
    assert digits.fingerprint() != test.fingerprint()
    json.dumps(digits.fingerprint())


def test_gather_and_items_agree(digits):
    batch = digits.gather(np.array([5, 0, 5]))
    for row, index in enumerate([5, 0, 5]):
        assert (batch["image"][row] == digits[index]["image"]).all()
        assert batch["label"][row] == digits[index]["label"]


# --- folder ---------------------------------------------------------------------------------------


def test_class_folders_with_splits(class_folder):
    train = open_source(f"folder:{class_folder}")
    test = open_source(f"folder:{class_folder}", split="test")
    assert train.in_memory and train.fields["image"].shape == (12, 16, 3)
    assert sorted(red_values(train)) == list(range(10))
    assert train.class_names == ("ant", "bee") and train.num_classes == 2
    assert all(train[i]["label"] == (red >= 6) for i, red in enumerate(red_values(train)))
    assert [test[i]["label"] for i in range(3)] == [1, 1, 1]  # though there is no ant


@pytest.mark.parametrize(
    ("train", "held_out", "asked"),
    [
        ("Train", "Test", "test"),
        ("TRAINING", "Validation", "val"),
        ("training", "val", "validation"),
        ("train", "valid", "eval"),
        ("train", "Testing", "test"),
    ],
)
def test_folders_named_otherwise_are_splits_too(tmp_path, train, held_out, asked):
    for number, folder in enumerate([f"{train}/a", f"{train}/b", f"{held_out}/b"]):
        (tmp_path / folder).mkdir(parents=True)
        picture(number).save(tmp_path / folder / "x.png")
    source = open_source(f"folder:{tmp_path}")
    assert red_values(source) == [0, 1] and source.class_names == ("a", "b")
    source = open_source(f"folder:{tmp_path}", split=asked)
    assert red_values(source) == [2] and source[0]["label"] == 1


@pytest.mark.parametrize(
    ("folders", "split", "message"),
    [
        (["Train", "training", "test"], "train", "several splits for 'train': Train, training"),
        (["train", "val", "valid"], "validation", "several splits for 'validation': val, valid"),
        (["train", "val"], "test", "no split 'test'; it has: train, val"),
        (["test", "dogs"], "train", "has the folder 'test' but none for the split 'train'"),
        (["val", "dogs"], "training", "has the folder 'val' but none for the split 'training'"),
        (["cat/train", "cat/test", "dog/train"], "train", "both 'cat/train' and 'cat/test'; spl"),
        (["train/val", "train/a/train"], "train", "both 'a/train' and 'val'; splits must"),
    ],
)
def test_test_images_never_become_training_images(tmp_path, folders, split, message):
    for number, folder in enumerate(folders):
        (tmp_path / folder).mkdir(parents=True)
        picture(number).save(tmp_path / folder / "x.png")
    with pytest.raises(UserError, match=message):
        open_source(f"folder:{tmp_path}", split=split)


def test_a_split_of_the_very_name_comes_first(tmp_path):
    for number, folder in enumerate(["train", "Train", "val", "valid"]):
        (tmp_path / folder).mkdir()
        picture(number).save(tmp_path / folder / "x.png")
    assert red_values(open_source(f"folder:{tmp_path}")) == [0]
    assert red_values(open_source(f"folder:{tmp_path}", split="valid")) == [3]
    assert red_values(open_source(f"folder:{tmp_path / 'train'}")) == [0]


def test_flat_and_nested_folders_are_unlabelled(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    picture(1).save(tmp_path / "x.png")
    picture(2).save(tmp_path / "a" / "b" / "y.bmp")
    source = open_source(f"folder:{tmp_path}")
    assert sorted(red_values(source)) == [1, 2]
    assert source.num_classes is None and "label" not in source[0]
    with pytest.raises(UserError, match=r"no split 'test'; it has: train"):
        open_source(f"folder:{tmp_path}", split="test")


def test_a_folder_in_memory_and_one_read_on_demand_agree(class_folder):
    kept = open_source(f"folder:{class_folder}")
    read = open_source(f"folder:{class_folder}", memory_limit=0)
    assert kept.in_memory and not read.in_memory
    assert read.fields["image"].shape == kept.fields["image"].shape and len(read) == len(kept)
    assert kept.fingerprint() == read.fingerprint()
    for i in range(len(kept)):
        assert (kept[i]["image"] == read[i]["image"]).all() and kept[i]["label"] == read[i]["label"]


def test_mixed_sizes_and_modes(tmp_path):
    picture(1, 10, 20).save(tmp_path / "a.png")
    picture(2, 30, 8, "L").save(tmp_path / "b.JPG", format="JPEG")
    picture(3, 9, 9, "P").save(tmp_path / "c.webp", lossless=True)
    source = open_source(f"folder:{tmp_path}")
    assert None in source.fields["image"].shape and not source.in_memory
    on_demand = open_source(f"folder:{tmp_path}", memory_limit=0)
    assert all((source[i]["image"] == on_demand[i]["image"]).all() for i in range(3))
    assert [source[i]["image"].shape for i in range(3)] == [(10, 20, 3), (30, 8, 3), (9, 9, 3)]
    square = open_source(f"folder:{tmp_path}", image_size=6, channels=1)
    assert square.fields["image"].shape == (6, 6, 1) == square[1]["image"].shape


def test_a_link_that_leads_back_up_is_no_endless_walk(tmp_path):
    picture(1).save(tmp_path / "a.png")
    (tmp_path / "again").symlink_to(tmp_path)
    assert len(open_source(f"folder:{tmp_path}")) == 1


@pytest.mark.parametrize("memory_limit", [0, 2**30])
def test_truncated_files_are_named_and_counted(class_folder, memory_limit):
    cut, empty = class_folder / "train/ant/3.png", class_folder / "train/bee/deeper/7.png"
    cut.write_bytes(cut.read_bytes()[:300])
    empty.write_bytes(b"")
    spec = f"folder:{class_folder}"
    with pytest.raises(
        UserError, match=r"2 of 10 images .* ant/3.png .*bee/deeper/7.png \(empty\)"
    ):
        open_source(spec, memory_limit=memory_limit)
    with pytest.warns(UserWarning, match="left out 2 of 10"):
        source = open_source(spec, broken="skip", memory_limit=memory_limit)
    assert sorted(red_values(source)) == [0, 1, 2, 4, 5, 6, 8, 9]
    assert all(source[i]["label"] == (red >= 6) for i, red in enumerate(red_values(source)))
    assert "2 of 10" in source.report and "ant/3.png" in source.report


def damage_in_the_middle(file):
    data = bytearray(file.read_bytes())
    at = data.index(b"IDAT") + 40
    data[at : at + 8] = b"\xff" * 8
    file.write_bytes(bytes(data))


def test_damage_that_only_decoding_shows(class_folder):
    damage_in_the_middle(class_folder / "train/ant/3.png")
    spec = f"folder:{class_folder}"
    with pytest.raises(UserError, match="1 of 10 images .*ant/3.png"):
        open_source(spec)
    source = open_source(spec, memory_limit=0)  # larger than memory: found when it is read
    with pytest.raises(UserError, match="cannot decode ant/3.png"):
        source[3]
    source = open_source(spec, memory_limit=0, broken="skip")
    with pytest.warns(UserWarning, match="ant/3.png"):
        stand_in = source[3]
    assert (stand_in["image"] == source[4]["image"]).all()


def test_a_large_set_is_looked_at_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(validate, "_CHUNK", 4)
    for number in range(11):
        picture(number, 10 + number, 12).save(tmp_path / f"{number:02}.png")
    whole = open_source(f"folder:{tmp_path}", memory_limit=0)
    assert red_values(whole) == list(range(11)) and None in whole.fields["image"].shape
    cut = tmp_path / "09.png"
    cut.write_bytes(cut.read_bytes()[:200])
    with pytest.warns(UserWarning, match="left out 1 of 11 .*09.png"):
        source = open_source(f"folder:{tmp_path}", memory_limit=0, broken="skip")
    assert red_values(source) == [*range(9), 10]
    assert source.fingerprint() != whole.fingerprint()


def test_all_damaged(tmp_path):
    (tmp_path / "a.png").write_bytes(b"nonsense")
    with pytest.raises(UserError, match="none of the images can be decoded"):
        open_source(f"folder:{tmp_path}", broken="skip")


def test_the_fingerprint_follows_the_files(class_folder):
    spec, fingerprints = f"folder:{class_folder}", []
    fingerprints.append(open_source(spec).fingerprint())
    (class_folder / "train/ant/5.png").touch()
    assert open_source(spec).fingerprint() == fingerprints[0]
    picture(99).save(class_folder / "train/ant/5.png")
    fingerprints.append(open_source(spec).fingerprint())
    (class_folder / "train/ant/5.png").rename(class_folder / "train/bee/5.png")
    fingerprints.append(open_source(spec).fingerprint())
    (class_folder / "train/bee/5.png").unlink()
    fingerprints.append(open_source(spec).fingerprint())
    assert len({f["content"] for f in fingerprints}) == 4


def test_a_png_turned_by_what_follows_its_pixels(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    for number in range(2):
        file = tmp_path / f"{number}.png"
        picture(number, 64, 96).save(file)  # longer than the head that is looked at first
        body = b"eXIf" + exif.tobytes().removeprefix(b"Exif\0\0")
        chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
        data = file.read_bytes()
        file.write_bytes(data[:-12] + chunk + data[-12:])
    source = open_source(f"folder:{tmp_path}", memory_limit=0)
    assert source.fields["image"].shape == source[0]["image"].shape == (96, 64, 3)


@pytest.mark.parametrize("memory_limit", [0, 2**30])
def test_an_image_of_too_many_pixels_can_be_left_out(tmp_path, memory_limit, monkeypatch):
    monkeypatch.setattr(images, "PIXEL_LIMIT", 2_000)
    picture(0, 30, 30).save(tmp_path / "small.png")
    picture(1, 50, 50).save(tmp_path / "large.png")
    spec = f"folder:{tmp_path}"
    with pytest.raises(UserError, match=r"1 of 2 .*large.png \(50 x 50 pixels .* limit of 2,000"):
        open_source(spec, memory_limit=memory_limit)
    with pytest.warns(UserWarning, match="large.png"):
        source = open_source(spec, broken="skip", memory_limit=memory_limit)
    assert red_values(source) == [0]


@pytest.mark.parametrize("memory_limit", [0, 2**30])
def test_file_names_that_are_not_utf_8(tmp_path, memory_limit):
    for number, name in enumerate([b"caf\xe9", b"th\xe9"]):
        folder = os.path.join(os.fsencode(tmp_path), name)
        os.mkdir(folder)
        with open(os.path.join(folder, b"\xfc.png"), "wb") as file:
            picture(number).save(file, "PNG")
        with open(os.path.join(folder, b"\xff.png"), "wb") as file:
            file.write(b"damaged")
    spec = f"folder:{tmp_path}"
    with pytest.raises(UserError, match=r"caf\\xe9/\\xff.png"):
        open_source(spec, memory_limit=memory_limit)
    with pytest.warns(UserWarning, match="left out 2 of 4"):
        source = open_source(spec, broken="skip", memory_limit=memory_limit)
    assert red_values(source) == [0, 1] and source.class_names == (r"caf\xe9", r"th\xe9")
    for text in (source.report, json.dumps(source.fingerprint()), *source.class_names):
        text.encode()  # can be printed and stored


# --- npz ------------------------------------------------------------------------------------------

PIXELS = np.arange(5 * 4 * 4, dtype=np.uint8).reshape(5, 4, 4)


def test_npz_by_file_and_by_folder(tmp_path):
    np.savez(tmp_path / "train.npz", image=PIXELS, label=np.arange(5))
    np.savez(tmp_path / "test.npz", images=PIXELS[:2, ..., None])
    train = open_source(f"npz:{tmp_path}")
    assert (
        train.fields["image"].shape == (4, 4, 1)
        and train.num_classes == 5
        and train[3]["label"] == 3
    )
    test = open_source(f"npz:{tmp_path}", split="test")
    assert len(test) == 2 and test.num_classes is None
    assert len(open_source(f"npz:{tmp_path / 'train.npz'}")) == 5
    with pytest.raises(UserError, match="no split 'val'; it has: test, train"):
        open_source(f"npz:{tmp_path}", split="val")


def test_npz_with_both_splits_in_one_file(tmp_path):
    file = tmp_path / "set.npz"
    np.savez(file, train_images=PIXELS, train_labels=np.ones((5, 1), int), test_images=PIXELS[:2])
    assert open_source(f"npz:{file}").gather(np.arange(5))["label"].tolist() == [1] * 5
    assert len(open_source(f"npz:{file}", split="test")) == 2
    with pytest.raises(UserError, match="has no split 'val'; it has: test, train"):
        open_source(f"npz:{file}", split="val")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"image": PIXELS / 255}, r"must be uint8 .* it is float64; .*x.astype\(np.float32\)"),
        ({"image": PIXELS[0]}, r"must have the shape .* it has \(4, 4\)"),
        ({"image": PIXELS[:0]}, r"must have the shape .* it has \(0, 4, 4, 1\)"),
        (
            {"image": PIXELS, "label": np.arange(4)},
            r"one label for each of the 5 .* shape is \(4,\)",
        ),
        (
            {"image": PIXELS, "label": np.arange(5) - 1},
            "must be integers from 0, or strings; it is int64 from -1",
        ),
        (
            {"image": PIXELS, "label": np.array([0, 1, np.nan, 2, np.nan])},
            "must be integers from 0, 2 of 5 are NaN",
        ),
        (
            {"image": PIXELS, "label": np.arange(5) + 2**31},
            r"has 2147483652, and labels must be less than 2\*\*31; number the classes: np.unique",
        ),
        ({"image": PIXELS, "label": np.arange(5, dtype="m8[s]")}, "it is timedelta64"),
        ({"picture": PIXELS}, "no array 'image' .* it has: picture"),
        ({"image": np.array([print, 1], object)}, "a pickle.* refused"),
    ],
)
def test_npz_that_does_not_fit(tmp_path, arrays, message):
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(UserError, match=message):
        open_source(f"npz:{tmp_path / 'x.npz'}")


@pytest.mark.parametrize(
    ("shape", "first"),
    [
        ((3, 32, 32), True),
        ((1, 28, 28), True),
        ((3, 16, 48), True),
        ((13, 64, 64), True),
        ((32, 32, 3), False),
        ((16, 48, 3), False),
        ((64, 64, 13), False),
        ((9, 9, 200), False),
        ((3, 3, 200), False),
        ((4, 4, 4), False),
        ((3, 32, 3), False),
        ((28, 28, 1), False),
    ],
)
def test_npz_with_channels_first(tmp_path, shape, first):
    np.savez(tmp_path / "x.npz", image=np.zeros((2, *shape), np.uint8))
    if first:
        with pytest.raises(UserError, match=rf"2, {shape[0]}, .* np.moveaxis\(x, 1, -1\)"):
            open_source(f"npz:{tmp_path / 'x.npz'}")
    else:
        assert open_source(f"npz:{tmp_path / 'x.npz'}").fields["image"].shape == shape


@pytest.mark.parametrize("dtype", [np.float32, np.uint64, np.int8, bool])
def test_npz_labels_that_are_whole_numbers(tmp_path, dtype):
    np.savez(tmp_path / "x.npz", image=PIXELS, label=np.array([0, 1, 1, 0, 1], dtype))
    source = open_source(f"npz:{tmp_path / 'x.npz'}")
    assert source.arrays["label"].tolist() == [0, 1, 1, 0, 1] and source.num_classes == 2


def test_npz_labels_that_are_names(tmp_path):
    train, test = np.array(["cat", "ant", "cat", "dog", "ant"]), np.array([b"bee", b"dog"])
    np.savez(tmp_path / "train.npz", image=PIXELS, label=train)
    np.savez(tmp_path / "test.npz", image=PIXELS[:2], label=test)
    np.savez(
        tmp_path / "one", train_image=PIXELS, train_label=train,
        test_image=PIXELS[:2], test_label=test,
    )  # fmt: skip
    for spec in (f"npz:{tmp_path / 'one.npz'}", f"npz:{tmp_path}"):
        source = open_source(spec)
        assert source.class_names == ("ant", "bee", "cat", "dog")
        assert source.arrays["label"].tolist() == [2, 0, 2, 3, 0]
        assert open_source(spec, split="test").arrays["label"].tolist() == [1, 3]
        (tmp_path / "one.npz").unlink(missing_ok=True)
    np.savez(tmp_path / "test.npz", image=PIXELS[:2], label=[0, 1])
    with pytest.raises(UserError, match="strings, and the labels of another split are numbers"):
        open_source(f"npz:{tmp_path}")


def test_npz_splits_of_other_names(tmp_path):
    np.savez(tmp_path / "Train.npz", image=PIXELS)
    np.savez(tmp_path / "Validation.npz", image=PIXELS[:3])
    assert len(open_source(f"npz:{tmp_path}")) == 5
    assert len(open_source(f"npz:{tmp_path}", split="val")) == 3
    np.savez(tmp_path / "one", Train_image=PIXELS, eval_image=PIXELS[:2])
    assert len(open_source(f"npz:{tmp_path / 'one.npz'}")) == 5
    assert len(open_source(f"npz:{tmp_path / 'one.npz'}", split="validation")) == 2


def test_npz_that_is_none(tmp_path):
    (tmp_path / "x.npz").write_bytes(b"PK\3\4 cut")
    with pytest.raises(UserError, match="cannot read .*x.npz"):
        open_source(f"npz:{tmp_path / 'x.npz'}")
    np.save(tmp_path / "y.npy", PIXELS)
    with pytest.raises(UserError, match="cannot read .*y.npy"):
        open_source(f"npz:{tmp_path / 'y.npy'}")


# --- ArrayRecord ----------------------------------------------------------------------------------


def write_records(path, examples):
    writer = ArrayRecordWriter(str(path), "group_size:1")
    for number, label in examples:
        file = path.with_suffix(".png")
        picture(number).save(file)
        writer.write(struct.pack("<i", label) + file.read_bytes())
        file.unlink()
    writer.close()


def test_plain_array_records(tmp_path):
    write_records(tmp_path / "train-00000-of-00002.array_record", [(1, 0), (2, 1)])
    write_records(tmp_path / "train-00001-of-00002.array_record", [(3, 2)])
    write_records(tmp_path / "test.array_record", [(9, -1)])
    train = open_source(f"arrayrecord:{tmp_path}")
    assert red_values(train) == [1, 2, 3] and train.num_classes == 3 and train[2]["label"] == 2
    assert train.in_memory
    test = open_source(f"arrayrecord:{tmp_path}", split="test")
    assert red_values(test) == [9] and "label" not in test[0]
    on_demand = open_source(f"arrayrecord:{tmp_path}", memory_limit=0)
    assert red_values(on_demand) == [1, 2, 3] and not on_demand.in_memory
    assert red_values(open_source(f"arrayrecord:{tmp_path / 'test.array_record'}")) == [9]


def test_the_place_of_a_set_is_no_part_of_its_content(tmp_path, class_folder):
    write_records(class_folder / "train.array_record", [(1, 0), (2, 1)])
    moved = tmp_path.with_name(tmp_path.name + "_moved")
    sources = ("folder:{}", "arrayrecord:{}/train.array_record")
    before = [open_source(source.format(class_folder)).fingerprint() for source in sources]
    class_folder.rename(moved)
    after = [open_source(source.format(moved)).fingerprint() for source in sources]
    moved.rename(tmp_path)
    assert [one["content"] for one in before] == [one["content"] for one in after]


def test_array_records_cut_short(tmp_path):
    file = tmp_path / "train.array_record"
    write_records(file, [(n, 0) for n in range(20)])
    file.write_bytes(file.read_bytes()[:-200])
    with pytest.raises(UserError, match="train.array_record"):
        open_source(f"arrayrecord:{tmp_path}")


# --- TFDS -----------------------------------------------------------------------------------------


def test_fashion_mnist(fashion_mnist_dir):
    train = open_source("tfds:fashion_mnist", data_dir=fashion_mnist_dir)
    test = open_source("tfds:fashion_mnist", split="test", data_dir=fashion_mnist_dir)
    assert (len(train), len(test)) == (60_000, 10_000)
    assert train.fields["image"].shape == (28, 28, 1) and train.class_names[9] == "Ankle boot"
    assert np.bincount(train.arrays["label"]).tolist() == [6000] * 10
    mean, std = statistics(train, limit=60_000)["image"]
    np.testing.assert_allclose(mean, [0.2860], atol=1e-4)  # the published figures
    np.testing.assert_allclose(std, [0.3530], atol=1e-4)


def test_the_arrays_kept_are_the_records(fashion_mnist_dir):
    kept = open_source("tfds:fashion_mnist", split="test", data_dir=fashion_mnist_dir)
    read = open_source(
        "tfds:fashion_mnist", split="test", data_dir=fashion_mnist_dir, memory_limit=0
    )
    assert kept.in_memory and not read.in_memory
    assert kept.fingerprint() == read.fingerprint()
    for i in (0, 17, 9_999):
        assert (kept[i]["image"] == read[i]["image"]).all() and kept[i]["label"] == read[i]["label"]


def test_a_prepared_folder_by_path(fashion_mnist_dir):
    for path in (f"{fashion_mnist_dir}/fashion_mnist", f"{fashion_mnist_dir}/fashion_mnist/3.0.1"):
        assert len(open_source(f"arrayrecord:{path}", split="test")) == 10_000


def test_tfds_names_and_splits_that_are_not_there(fashion_mnist_dir, tmp_path):
    with pytest.raises(UserError, match="has no split 'validation'; it has: test, train"):
        open_source("tfds:fashion_mnist", split="validation", data_dir=fashion_mnist_dir)
    with pytest.raises(UserError, match="python -m ssljax data prepare cifar10"):
        open_source("tfds:cifar10", data_dir=str(tmp_path))


# --- every kind -----------------------------------------------------------------------------------


def test_every_kind_has_a_line():
    assert [usage.partition(":")[0] for usage in KINDS] == [
        "tfds", "folder", "audio", "npz", "episodes", "arrayrecord", "sklearn", "video", "csv",
        "text", "jsonl", "parquet", "pairs", "tar", "fasta", "ts", "uci", "seglearn", "debian",
        "pypi", "npm", "ucr",
    ]  # fmt: skip
    assert all(20 < len(line) < 80 for line in KINDS.values())


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("foldr:/x", "unknown kind of data source 'foldr'; did you mean 'folder'"),
        ("folder", "incomplete; write folder:PATH"),
        ("npz:", "incomplete; write npz:PATH"),
        ("sklearn:digit", "did you mean 'digits'"),
        ("sklearn:digits:x", "unknown scikit-learn data set"),
    ],
)
def test_specs_that_say_nothing(spec, message):
    with pytest.raises(UserError, match=message):
        open_source(spec)


def test_paths_that_are_not_there(tmp_path):
    (tmp_path / "pictures").mkdir()
    with pytest.raises(UserError, match="pictres' does not exist; did you mean .*pictures"):
        open_source(f"folder:{tmp_path / 'pictres'}")
    with pytest.raises(UserError, match="no image file .* in the folder .*pictures"):
        open_source(f"folder:{tmp_path / 'pictures'}")
    with pytest.raises(UserError, match="no .npz file in the folder"):
        open_source(f"npz:{tmp_path / 'pictures'}")
    with pytest.raises(UserError, match="no .array_record file in the folder"):
        open_source(f"arrayrecord:{tmp_path / 'pictures'}")
    Image.new("L", (2, 2)).save(tmp_path / "one.png")
    with pytest.raises(UserError, match="is a file; folder: wants a folder"):
        open_source(f"folder:{tmp_path / 'one.png'}")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "validation"}, "no split 'validation'; it has: test, train"),
        ({"broken": "skp"}, "did you mean 'skip'"),
        ({"channels": 21}, "channels must be from 1 to 20, got 21"),
    ],
)
def test_options_that_say_nothing(options, message):
    with pytest.raises(UserError, match=message):
        open_source("sklearn:digits", **options)


@pytest.mark.parametrize("spec, module, extra", [("sklearn:digits", "sklearn.datasets", "digits")])
def test_a_missing_optional_package_is_told_with_the_way_to_get_it(
    spec, module, extra, monkeypatch
):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UserError, match=rf"pip install -e '\.\[{extra}\]'"):
        open_source(spec)
