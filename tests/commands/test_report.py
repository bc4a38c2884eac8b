"""`ssljax report` on the folders of real runs."""

import functools
import json

import jax
import numpy as np
import pytest

import ssljax
from ssljax.commands.main import main
from ssljax.planning.flops import traced

EXPERIMENT = """
from tests.objectives.cases import config_of

def get_config(case="simclr"):
    return config_of(case)
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder with a run that was evaluated and one that was not."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "short.py").write_text(EXPERIMENT)
    for case, evaluated in (("simclr", True), ("mae", False)):
        config, workdir = f"{folder / 'short.py'}:{case}", str(folder / case)
        options = ["--config.steps=6", f"--config.evaluation.final={evaluated}"]
        options += ["--config.evaluation.few_labels=(50,)"]
        assert main(["pretrain", "--config", config, "--workdir", workdir, *options]) == 0
    return folder


def test_report_of_a_folder_of_runs(runs, tmp_path, capsys):
    capsys.readouterr()
    output = tmp_path / "results.md"
    assert main(["report", str(runs), "--output", str(output)]) == 0
    assert capsys.readouterr().out == ""
    text = output.read_text()
    assert f"`python -m ssljax report {runs} --output {output}`" in text
    (row,) = [line for line in text.splitlines() if line.startswith("| contrastive |")]
    result = json.loads((runs / "simclr/evaluation.json").read_text())
    for name in ("pretrained", "random_init", "raw_input"):
        for probe in ("knn", "linear"):
            assert f"| {100 * result[name][probe]['accuracy']:.1f} ± " in row
    assert f"| `{runs / 'simclr'}` | resnet (16) | sklearn:digits | 6 x 32 | 0 |" in row
    few = [result[name]["few_labels"]["50"]["accuracy"] for name in ("pretrained", "random_init")]
    assert f"| `{runs / 'simclr'}` | 50 | {100 * few[0]:.1f} ± " in text
    assert f" | {100 * few[1]:.1f} ± " in text.partition("## Few labels")[2]
    assert f"- `{runs / 'mae'}`: mae, trained" in text


def test_operations_are_counted_when_asked_for(runs, capsys):
    assert main(["report", "--flops", str(runs / "simclr")]) == 0
    text = capsys.readouterr().out.partition("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    header, _, row = ([cell.strip() for cell in line.split("|")] for line in lines)
    # 6 steps of 2 x 32 images: forward and backward are three times the forward pass, but that the
    # first layer needs no gradient of its input.
    flops = 1e12 * float(dict(zip(header, row, strict=True))["TFLOP"]) / (6 * 2 * 32 * 3)
    model = ssljax.load(runs / "simclr")
    batch = {"image": np.zeros((1, 8, 8, 1), np.uint8)}
    forward = traced(jax.make_jaxpr(functools.partial(model.apply, model.params))(batch).jaxpr)
    assert 2 / 3 * forward < flops < 3 * forward  # and the projector


def test_report_of_single_runs_on_standard_output(runs, capsys):
    assert main(["report", str(runs / "mae"), str(runs / "mae")]) == 0
    text = capsys.readouterr().out
    assert text.count("mae, trained") == 1 and "| contrastive" not in text


def test_of_many_folders_the_first_are_named(runs, capsys):
    one = str(runs / "mae")
    assert main(["report", *[one] * 7]) == 0
    command = f"`python -m ssljax report {one} {one} {one}` and 4 more, not by hand"
    assert command in capsys.readouterr().out


@pytest.mark.parametrize(
    "damage, message",
    [
        (lambda folder: (folder / "config.json").unlink(), "holds no run"),
        (lambda folder: (folder / "config.json").write_text("{"), "config.json is not readable"),
        (lambda folder: (folder / "evaluation.json").write_text("{"), "evaluation.json is not"),
    ],
)
def test_a_folder_that_cannot_be_read_is_refused(damage, message, tmp_path, capsys):
    (tmp_path / "config.json").write_text("{}")
    damage(tmp_path)
    assert main(["report", str(tmp_path)]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("ssljax: ") and message in line


def test_an_output_that_cannot_be_written_is_refused(tmp_path, capsys):
    (tmp_path / "config.json").write_text("{}")
    assert main(["report", str(tmp_path), "--output", str(tmp_path / "no" / "results.md")]) == 2
    assert "cannot write" in capsys.readouterr().err


def test_a_run_of_an_own_objective_is_reported_without_importing_it(tmp_path, capsys):
    (tmp_path / "config.json").write_text('{"objective": {"name": "antigravity:Fly"}}')
    assert main(["report", str(tmp_path)]) == 0
    assert "antigravity:Fly, unfinished, at step 0 of 1,000" in capsys.readouterr().out
