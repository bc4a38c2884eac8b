"""`ssljax embed`: a data set's features in a file."""

import numpy as np
import pyarrow.parquet
import pytest
from PIL import Image

import ssljax
from ssljax.commands.main import main
from tests.test_api import run_of


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return run_of(tmp_path_factory.mktemp("runs"), "simclr")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Grey images of two sizes in two classes."""
    folder, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for number, (kind, side) in enumerate([("b", 8), ("a", 8), ("a", 12)]):
        (folder / kind).mkdir(exist_ok=True)
        pixels = rng.integers(0, 255, (side, side), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / kind / f"{number}.png")
    return folder


def test_features_of_a_folder(run, photos, tmp_path, capsys):
    source = ["--workdir", run, "--source", f"folder:{photos}"]
    for name in ("features.npz", "features.parquet"):
        assert main(["embed", *source, "--out", str(tmp_path / name)]) == 0
    assert "3 x 16 features of folder:" in capsys.readouterr().out
    found = np.load(tmp_path / "features.npz")
    assert found["name"].tolist() == ["a/1.png", "a/2.png", "b/0.png"]
    assert found["id"].tolist() == [0, 1, 2] and found["label"].tolist() == [0, 0, 1]
    assert found["class_names"].tolist() == ["a", "b"]
    images = [np.asarray(Image.open(photos / name))[..., None] for name in found["name"]]
    expected = ssljax.load(run).embed(images)
    np.testing.assert_allclose(found["features"], expected, rtol=1e-5, atol=1e-6)
    table = pyarrow.parquet.read_table(tmp_path / "features.parquet").to_pydict()
    np.testing.assert_array_equal(table["features"], found["features"])
    assert table["class_name"] == ["a", "a", "b"] and table["name"] == found["name"].tolist()


def test_the_data_and_the_output_of_the_run_are_the_default(run, tmp_path):
    out = tmp_path / "test.npz"
    assert main(["embed", "--workdir", run, "--split", "test", "--out", str(out)]) == 0
    assert np.load(out)["features"].shape == (359, 16)


@pytest.mark.parametrize(
    "options, message",
    [
        (["--out", "features.csv"], "the name must end in .npz or .parquet"),
        (["--out", "there.npz"], "there.npz is there already"),
        (["--out", "nowhere/features.npz"], "there is no folder"),
        (["--out", "new.npz", "--source", "folder:nowhere"], "nowhere"),
        (["--out", "new.npz", "--split", "tset"], "split"),
        (["--out", "new.npz", "--output", "imagee"], "image"),
        (["--out", "new.npz", "--step", "1"], "step"),
    ],
)
def test_a_refusal_leaves_every_file_as_it_was(
    options, message, run, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.npz").write_text("mine")
    assert main(["embed", "--workdir", run, *options]) == 2
    assert message in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["there.npz"]
    assert (tmp_path / "there.npz").read_text() == "mine"
