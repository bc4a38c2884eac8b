"""What the README shows is what there is."""

import pathlib
import re

import pytest

from ssljax.commands.main import build_parser, main

ROOT = pathlib.Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_objective_in_the_readme_is_the_tested_one():
    (block,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    source = (ROOT / "experiments/own_objective.py").read_text(encoding="utf-8")
    assert block == source
    assert len([line for line in block.splitlines() if line.strip()]) <= 40


def test_an_objective_of_ones_own_trains_by_its_dotted_path(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    config = tmp_path / "own.py"
    config.write_text(
        "from tests.objectives.cases import RESNET, config_of\n"
        "def get_config():\n"
        "    config = config_of('simclr')\n"
        "    config.objective = {'name': 'experiments.own_objective:AlignUniform'}\n"
        "    return config\n"
    )
    argv = ["pretrain", "--config", str(config), "--workdir", str(tmp_path / "run")]
    assert main([*argv, "--config.objective.uniformity_weight=0.5"]) == 0
    assert (tmp_path / "run/checkpoints/12").is_dir()


@pytest.mark.parametrize("line", re.findall(r"^python -m ssljax (.*)$", README, re.MULTILINE))
def test_every_command_in_the_readme_parses(line):
    args, rest = build_parser().parse_known_args(line.split())
    assert callable(args.run) and all(one.startswith("--config.") for one in rest)


@pytest.mark.parametrize(
    "path",
    sorted(set(re.findall(r"`((?:ssljax|experiments|docs|tests|benchmarks)/[\w./]+)`", README))),
)
def test_every_path_in_the_readme_exists(path):
    assert (ROOT / path).exists()
