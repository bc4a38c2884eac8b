"""Protocols of two fields as a user meets them: a run of images with texts, on the digits."""

import json

import numpy as np
import pytest

from ssljax.commands.main import main
from tests.objectives.files import NAMES

EXPERIMENT = """
from tests.objectives.cases import config_of

def get_config():
    return config_of("clip")
"""
ROWS = ("pretrained", "random_init")
FIELDS = ("image to text", "text to image")


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    """A short run."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "short.py").write_text(EXPERIMENT)
    config, workdir = str(folder / "short.py"), str(folder / "run")
    options = ["--config.steps=2", "--config.evaluation.final=False"]
    assert main(["pretrain", "--config", config, "--workdir", workdir, *options]) == 0
    return folder / "run"


def measured(workdir, names, *arguments):
    assert main(["evaluate", "--workdir", str(workdir), "--protocol", names, *arguments]) == 0
    return json.loads((workdir / "evaluation.json").read_text())["protocols"]


def test_classes_are_told_by_their_names_and_partners_found(workdir, tmp_path, capsys):
    (tmp_path / "names.txt").write_text("\n".join(NAMES))
    (tmp_path / "templates.txt").write_text("the {}\n{}\n")
    options = [
        f"--config.evaluation.protocols.zero_shot.{key}={tmp_path / key}.txt"
        for key in ("names", "templates")
    ]
    found = measured(workdir, "zero_shot,retrieval", *options)
    shot, retrieval = found["zero_shot"], found["retrieval"]
    accuracy = shot["pretrained"]["numbers"]["accuracy"]
    assert accuracy["interval"][0] < accuracy["value"] < accuracy["interval"][1]
    ours, theirs = (shot[row]["numbers"]["accuracy"]["value"] for row in ROWS)
    np.testing.assert_allclose(
        shot["gains"]["random_init"]["accuracy"]["difference"], ours - theirs
    )
    assert shot["raw_input"]["not_measured"].startswith("raw input has no projected features")
    one = retrieval["pretrained"]
    assert set(one["numbers"]) == {f"{way} R@{k}" for way in FIELDS for k in (1, 5, 10)}
    assert one["chance"]["image to text R@1"] == 0.1  # there are ten texts
    assert one["chance"]["text to image R@1"] == 0.1 and one["examples"] == 359
    printed = capsys.readouterr().out
    assert "chance 10.0% of 10 classes" in printed
    assert "359 examples of 10 different texts; chance: image to text R@1 10.0%" in printed


def test_images_without_texts_are_enough_for_zero_shot(workdir, tmp_path, capsys):
    images = np.random.default_rng(0).integers(0, 255, (40, 8, 8, 1), dtype=np.uint8)
    arrays = {f"{one}_image": images for one in ("train", "test")}
    labels = {f"{one}_label": np.array(NAMES)[np.arange(40) % 10] for one in ("train", "test")}
    np.savez(tmp_path / "plain.npz", **arrays, **labels)
    found = measured(
        workdir, "zero_shot,retrieval", f"--config.evaluation.source=npz:{tmp_path}/plain.npz"
    )
    assert found["zero_shot"]["pretrained"]["classes"] == 10
    said = "the data that are evaluated on have no text"
    assert found["retrieval"]["pretrained"]["not_measured"] == said


def test_pairs_without_labels_are_enough_for_retrieval(workdir, tmp_path):
    images = np.random.default_rng(0).integers(0, 255, (40, 8, 8, 1), dtype=np.uint8)
    arrays = {f"{one}_image": images for one in ("train", "test")}
    texts = {f"{one}_text": np.array(NAMES)[np.arange(40) % 10] for one in ("train", "test")}
    np.savez(tmp_path / "pairs.npz", **arrays, **texts)
    source = f"--config.evaluation.source=npz:{tmp_path}/pairs.npz"
    found = measured(workdir, "zero_shot,retrieval", source)
    assert found["retrieval"]["pretrained"]["examples"] == 40
    assert found["zero_shot"]["pretrained"]["not_measured"].startswith("it needs one class label")
    assert json.loads((workdir / "evaluation.json").read_text())["data"]["test"] == "test"


def test_a_set_of_the_other_field_alone_says_which_output_to_take(workdir, tmp_path, capsys):
    (tmp_path / "train.txt").write_text("\n".join(NAMES))
    (tmp_path / "test.txt").write_text("\n".join(NAMES))
    options = [f"--config.evaluation.source=text:{tmp_path}", "--protocol", "label_free"]
    assert main(["evaluate", "--workdir", str(workdir), *options]) == 2
    said = "has no 'image', which the run is trained on; it has text; set config.evaluation.source "
    assert f"{said}to another set, or config.evaluation.output=text" in capsys.readouterr().err
