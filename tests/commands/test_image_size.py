"""Images whose height differs from their width, by the command line: train, evaluate and plan."""

import json

import numpy as np
import pytest
from PIL import Image

from ssljax.commands.main import main
from ssljax.training.config import complete, default_config

EXPERIMENT = '''
"""MAE of small pictures of mixed sizes."""
from ssljax.training.config import default_config

def get_config():
    config = default_config()
    config.steps, config.batch_size, config.progress = 3, 16, False
    config.data.source = "folder:{folder}"
    config.data.image_size = (8, 12)
    config.encoder = {{
        "name": "vit", "patch_size": 4, "image_size": 8, "width": 16, "depth": 1, "heads": 2,
    }}
    config.objective = {{
        "name": "mae", "decoder_width": 16, "decoder_depth": 1, "decoder_heads": 2,
    }}
    config.evaluation.final = False
    return config
'''


@pytest.fixture
def experiment(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(48):
        folder = tmp_path / "pictures" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        height, width = rng.integers(10, 30, 2)
        pixels = rng.integers(0, 256, (height, width, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:02}.png")
    path = tmp_path / "pictures.py"
    path.write_text(EXPERIMENT.format(folder=tmp_path / "pictures"))
    return str(path)


@pytest.mark.parametrize("ship", ["square", "crops"])
def test_a_run_at_a_height_and_a_width(ship, experiment, tmp_path, capsys):
    workdir, given = str(tmp_path / "run"), ["--config", experiment]
    given += ["--config.data.image_size=(8,16)", f"--config.data.ship={ship}"]
    assert main(["pretrain", *given, "--workdir", workdir]) == 0
    stored = json.loads((tmp_path / "run" / "data.json").read_text())
    assert stored["spec"]["fields"]["image"]["shape"] == [8, 16, 3]
    if ship == "square":
        assert main(["pretrain", *given, "--workdir", workdir, "--config.steps=5"]) == 0  # goes on
        assert main(["evaluate", "--workdir", workdir, "--config.evaluation.knn_k=5"]) == 0
        assert json.loads((tmp_path / "run" / "evaluation.json").read_text())["step"] == 5
    capsys.readouterr()
    more = [] if ship == "square" else ["--spec", "image:8x16x3:500"]  # known by data, and by size
    assert main(["plan", *given, *more, "--topology", "cpu:1", "--json"]) == 0
    (plan,) = json.loads(capsys.readouterr().out)["plans"]
    # A batch of 16: the images, or one crop of 8 x 8 of each; and the ids.
    pixels = 8 * 16 if ship == "square" else 8 * 8
    assert plan["memory"]["batch"] == 16 * (pixels * 3 + 4)


def test_a_config_file_may_set_a_pair_where_the_default_is_a_number():
    config = default_config()
    config.data.image_size = (24, 40)
    assert complete(config).data.image_size == (24, 40)
    config = complete(config)
    config.data.image_size = 32
    assert complete(config).data.image_size == 32
