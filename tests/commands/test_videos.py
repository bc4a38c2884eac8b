"""Videos as a user meets them: train on two clips of each, evaluate on several, embed."""

import functools
import json
import re

import jax
import numpy as np
import pytest

import ssljax
from ssljax.commands.main import main
from ssljax.data import open_source
from tests.data.videos import animation

EXPERIMENT = """
from ml_collections import ConfigDict
from tests.objectives.cases.small import HEAD, PAIR
from tests.objectives.cases.video import TRANSFORMER

def get_config():
    return ConfigDict({
        "steps": 2,
        "batch_size": 8,
        "encoder": TRANSFORMER,
        "objective": {"name": "simclr", "views": PAIR, **HEAD},
        "data": {"source": "video:%s?size=8", "length": 4, "clips": 2, "stride": 2},
        "evaluation": {"final": False, "clips": 3, "knn_k": 4, "probes": ("knn",)},
        "progress": False,
    })
"""


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """Eight videos of noise in train and four in test, of two classes, 9 to 14 frames each."""
    folder, rng = tmp_path_factory.mktemp("videos"), np.random.default_rng(0)
    for split, count in (("train", 4), ("test", 2)):
        for kind in ("dark", "light"):
            (folder / split / kind).mkdir(parents=True)
            for number in range(count):
                light = 128 * (kind == "light")
                pictures = rng.integers(light, light + 128, (9 + number, 10, 10, 3))
                content = animation(pictures.astype(np.uint8))
                (folder / split / kind / f"{number}.webp").write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def run(videos, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    (folder / "short.py").write_text(EXPERIMENT % videos)
    arguments = ["--config", str(folder / "short.py"), "--workdir", str(folder / "run")]
    assert main(["pretrain", *arguments]) == 0
    return str(folder / "run")


def test_a_run_is_evaluated_on_several_clips(run, capsys):
    assert main(["evaluate", "--workdir", run]) == 0
    # Brightness alone tells the classes, and so the mean frame.
    assert re.search(r"raw input +100", capsys.readouterr().out)


def test_features_are_the_mean_over_clips(run, videos, tmp_path):
    source = open_source(f"video:{videos}?size=8", split="test")
    held = [source[i]["video"] for i in range(len(source))]
    model = ssljax.load(run)
    found = model.embed(held)
    assert found.shape == (4, 16)
    one = ssljax.load(run, evaluation={"clips": 1})
    # Of 9 or 10 frames, clips span 7 and start at 0, at 1 and at 2, or at 0, 2 and 3.
    for video, features in zip(held, found, strict=True):
        starts = {9: (0, 1, 2), 10: (0, 2, 3)}[len(video)]
        clips = [video[start : start + 7] for start in starts]
        np.testing.assert_allclose(one.embed(clips).mean(axis=0), features, rtol=1e-4, atol=1e-5)
    out = tmp_path / "features.npz"
    assert main(["embed", "--workdir", run, "--split", "test", "--out", str(out)]) == 0
    np.testing.assert_allclose(np.load(out)["features"], found, rtol=1e-4, atol=1e-5)
    with pytest.raises(ssljax.UserError, match="6 frames.* spans 7"):
        model.embed([held[0][:6]])
    with pytest.raises(ssljax.UserError, match=r"shape \[9, 8, 4, 3\]; the run reads videos"):
        model.embed([held[0][:, :, :4]])


FINETUNED = """
from ml_collections import ConfigDict

def get_config():
    return ConfigDict({
        "steps": 2,
        "batch_size": 8,
        "objective": {"name": "supervised"},
        "data": {"source": "npz:%s", "length": 4, "stride": 2},
        "evaluation": {"clips": 2, "crops": 3},
        "progress": False,
    })
"""


def test_fine_tuning_is_scored_on_the_mean_over_clips_and_crops(run, tmp_path, capsys):
    rng = np.random.default_rng(0)
    arrays = {
        f"{split}_{name}": values
        for split, count in (("train", 8), ("test", 4))
        for name, values in (
            ("video", rng.integers(0, 256, (count, 9, 8, 12, 3), np.uint8)),
            ("label", np.arange(count) % 2),
        )
    }
    np.savez(tmp_path / "wide.npz", **arrays)
    (tmp_path / "short.py").write_text(FINETUNED % (tmp_path / "wide.npz"))
    arguments = ["--config", str(tmp_path / "short.py"), "--workdir", str(tmp_path / "tuned")]
    assert main(["finetune", "--init-from", run, *arguments]) == 0
    held = arrays["test_video"]
    model = ssljax.load(tmp_path / "tuned")
    found = model.embed(held, output="logits")
    # Clips span 7 of 9 frames; squares of 8 of 12 columns begin at 0, 2 and 4.
    parts = [held[:, t : t + 7 : 2, :, x : x + 8] for t in (0, 2) for x in (0, 2, 4)]
    see = functools.partial(model.experiment.objective.outputs, model.params)
    see = jax.jit(functools.partial(see, model.state.objective_state))
    expected = np.mean([see({"video": part})["logits"] for part in parts], axis=0)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    scores = json.loads((tmp_path / "tuned" / "finetuning.json").read_text())["scores"]
    right = np.mean(found.argmax(1) == arrays["test_label"])
    assert scores["accuracy"] == pytest.approx(right)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        (
            "--config.data.length=8",
            r"8 of 8 videos .*dark/0.webp \(9 frames, and a clip spans 15\)",
        ),
        ("--config.data.length=0", "set config.data.length, such as 16"),
        ("--config.evaluation.crops=3", "longer side of frames, and these are squares of 8 pixels"),
        ("--config.data.clips=3", "3 clips cannot be shared equally by 2 views"),
        ("--config.data.image_size=8", "image_size=8 is for data of the modality image"),
    ],
)
def test_clips_that_cannot_be_are_told(changed, why, videos, tmp_path, capsys):
    (tmp_path / "short.py").write_text(EXPERIMENT % videos)
    arguments = ["--config", str(tmp_path / "short.py"), "--workdir", str(tmp_path / "run")]
    assert main(["pretrain", *arguments, changed]) == 2
    assert re.search(why, capsys.readouterr().err)


def test_clips_are_refused_off_videos(tmp_path, capsys):
    (tmp_path / "short.py").write_text(
        "from tests.objectives.cases import config_of\n"
        "def get_config():\n    return config_of('simclr')\n"
    )
    arguments = ["--config", str(tmp_path / "short.py"), "--workdir", str(tmp_path / "run")]
    assert main(["pretrain", *arguments, "--config.data.clips=2"]) == 2
    assert "config.data.clips=2 is for data of the modality video" in capsys.readouterr().err
