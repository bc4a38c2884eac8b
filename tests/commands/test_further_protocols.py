"""Protocols without accuracies on clean test examples, as a user meets them, on the digits."""

import json

import numpy as np
import pytest
from sklearn.datasets import load_digits

from ssljax.commands.main import main

EXPERIMENT = """
from tests.objectives.cases import config_of

def get_config():
    return config_of("mae")
"""
ROWS = ("pretrained", "random_init", "raw_input")


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    """A short run of a ViT."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "short.py").write_text(EXPERIMENT)
    config, workdir = str(folder / "short.py"), str(folder / "run")
    options = ["--config.steps=2", "--config.evaluation.final=False"]
    assert main(["pretrain", "--config", config, "--workdir", workdir, *options]) == 0
    return folder / "run"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Two files of 300 digits: with groups, and with masks of their ink."""
    folder = tmp_path_factory.mktemp("data")
    pixels, labels = load_digits(return_X_y=True)
    images = np.rint(pixels[:300] * (255 / 16)).astype(np.uint8).reshape(-1, 8, 8, 1)
    mask = (images[..., 0] > 100).astype(np.int32)
    halves = {"train": slice(0, 200), "test": slice(200, 300)}
    for name, truth in (("groups", labels[:300]), ("masks", mask)):
        arrays = {}
        for split, part in halves.items():
            arrays |= {f"{split}_image": images[part], f"{split}_label": truth[part]}
            arrays[f"{split}_group"] = np.arange(300)[part] % 3
        np.savez(folder / f"{name}.npz", **arrays)
    return folder


def _measured(workdir, names, *arguments):
    assert main(["evaluate", "--workdir", str(workdir), "--protocol", names, *arguments]) == 0
    return json.loads((workdir / "evaluation.json").read_text())["protocols"]


def test_protocols_of_labelled_images(workdir, files, capsys):
    source = f"--config.evaluation.source=npz:{files / 'groups.npz'}"
    small = ["--config.evaluation.protocols.label_free.examples=40"]
    small += ["--config.evaluation.protocols.label_free.views=3"]
    small += ["--config.evaluation.protocols.robustness.probe=knn"]
    small += ["--config.evaluation.protocols.shift.probe=knn"]
    names = "label_free,anomaly,robustness,shift"
    found = _measured(workdir, names, source, *small)
    for row in ROWS:
        numbers = {name: found[name][row]["numbers"] for name in names.split(",")}
        assert {"LiDAR", "alignment", "alpha-ReQ"} < set(numbers["label_free"])
        for name, number, of_pixels in (
            ("anomaly", "AUROC, k-NN distance", 0.95),
            ("robustness", "mean corrupted accuracy", 0.6),
            ("shift", "accuracy, unseen groups", 0.9),
        ):
            low, high = numbers[name][number]["interval"]
            least = of_pixels if row == "raw_input" else 0.1  # two steps teach nothing
            assert least < numbers[name][number]["value"] < 1 and low < high
        assert set(found["robustness"][row]["strengths"]["blur"]) == set("12345")
        assert found["shift"][row]["groups"] == 3
    printed = capsys.readouterr().out
    assert "mean corrupted accuracy" in printed and "AUROC, Mahalanobis distance" in printed


def test_protocols_of_masks(workdir, files, capsys):
    source = f"--config.evaluation.source=npz:{files / 'masks.npz'}"
    pixels = "--config.evaluation.protocols.segmentation.pixels=3000"
    found = _measured(workdir, "segmentation,corloc", source, pixels)
    for row in ROWS:
        assert 0.3 < found["segmentation"][row]["numbers"]["mIoU"]["value"] < 1
        assert 0 <= found["corloc"][row]["numbers"]["CorLoc"]["value"] < 1
    assert set(found["segmentation"]["pretrained"]["iou"]) == {"0", "1"}
    data = json.loads((workdir / "evaluation.json").read_text())["data"]
    assert data["test"] == "test"  # and not a part of train
    found = _measured(workdir, "segmentation,anomaly")
    assert "it needs masks" in found["segmentation"]["pretrained"]["not_measured"]
    assert "note: segmentation not measured: it needs masks" in capsys.readouterr().out


def test_a_class_that_is_not_there(workdir, capsys):
    setting = "--config.evaluation.protocols.anomaly.normal=10"
    arguments = ["evaluate", "--workdir", str(workdir), "--protocol", "anomaly", setting]
    assert main(arguments) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "anomaly.normal=10 is no class of train, which has 0, 1, 2" in line
