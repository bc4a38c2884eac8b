"""What the README shows is what there is."""

import pathlib
import re

import jax
import numpy as np
import pytest

from ssljax.commands.main import build_parser, main
from ssljax.data import KNOWN
from ssljax.data.sources.base import Options
from ssljax.data.sources.in_memory import image_source
from ssljax.spec import image_spec
from tests.experiments.configs import spec_of

ROOT = pathlib.Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PYTHON = (ROOT / "docs/python.md").read_text(encoding="utf-8")  # which is run by test_api.py


def test_the_objective_in_the_readme_is_the_tested_one():
    use, block = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert all(line.partition("  #")[0] in PYTHON for line in use.splitlines())
    source = (ROOT / "experiments/own_objective.py").read_text(encoding="utf-8")
    assert block == source
    assert len([line for line in block.splitlines() if line.strip()]) <= 40


def test_an_objective_of_ones_own_trains_by_its_dotted_path(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    config = tmp_path / "own.py"
    config.write_text(
        "from tests.objectives.cases import config_of\n"
        "def get_config():\n"
        "    config = config_of('simclr')\n"
        "    config.objective = {'name': 'experiments.own_objective:AlignUniform'}\n"
        "    return config\n"
    )
    argv = ["pretrain", "--config", str(config), "--workdir", str(tmp_path / "run")]
    assert main([*argv, "--config.objective.uniformity_weight=0.5"]) == 0
    assert (tmp_path / "run/checkpoints/12").is_dir()


COMMANDS = re.findall(r"^ssljax (.*)$", README, re.MULTILINE)


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_in_the_readme_parses(line):
    args, rest = build_parser().parse_known_args(line.split())
    assert callable(args.run) and all(one.startswith("--config.") for one in rest)


@pytest.mark.parametrize("line", [line for line in COMMANDS if line.startswith("pretrain ")])
def test_every_run_in_the_readme_can_be_built(line, monkeypatch):
    from ssljax.commands import config_file
    from ssljax.training import experiment

    monkeypatch.chdir(ROOT)
    args, rest = build_parser().parse_known_args(line.split())
    config = config_file.load(args.config, rest)
    if config.data.source in KNOWN:
        spec = spec_of(config)
    else:
        side = config.data.image_size or 28
        spec = image_spec((side, side, 3), (0.5,) * 3, (0.25,) * 3, 1_000)
    assert experiment.build(config, spec=spec).optimizer


@pytest.mark.parametrize(
    "path",
    sorted(set(re.findall(r"`((?:ssljax|experiments|docs|tests|benchmarks)/[\w./]+)`", README))),
)
def test_every_path_in_the_readme_exists(path):
    assert (ROOT / path).exists()


@pytest.mark.parametrize("source", ["tfds:fashion_mnist", "sklearn:digits"])
def test_the_quickstart_traces_on_its_set_and_on_its_fallback(source, monkeypatch):
    from ssljax.commands import config_file
    from ssljax.training import data_sets, experiment

    digits = data_sets.open_source("sklearn:digits")
    if source != "sklearn:digits":  # of the same shape, without the download
        pixels = np.zeros((512, 28, 28, 1), np.uint8)
        digits = image_source(
            pixels + np.arange(28, dtype=np.uint8)[:, None], None, Options(source, "train")
        )
    monkeypatch.setattr(data_sets, "open_source", lambda *args, **options: digits)
    config = config_file.load(str(ROOT / f"experiments/quickstart.py:{source}"), [])
    built = experiment.build(config)
    features = jax.eval_shape(
        built.embed,
        built.abstract_state.params,
        built.abstract_state.objective_state,
        built.abstract_batch,
    )
    assert features.shape == (128, {"sklearn:digits": 512}.get(source, 1152))
