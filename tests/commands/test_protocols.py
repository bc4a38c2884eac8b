"""`ssljax evaluate --protocol` and `ssljax list protocols` as a user meets them."""

import json

import pytest

from ssljax.commands.main import main
from ssljax.evaluation.protocols import PROTOCOLS

EXPERIMENT = """
from tests.objectives.cases import config_of

def get_config():
    return config_of("mae")
"""


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    """A short run of a ViT."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "short.py").write_text(EXPERIMENT)
    config, workdir = str(folder / "short.py"), str(folder / "run")
    options = ["--config.steps=2", "--config.evaluation.final=False"]
    assert main(["pretrain", "--config", config, "--workdir", workdir, *options]) == 0
    return folder / "run"


def _evaluate(workdir, *arguments):
    return main(["evaluate", "--workdir", str(workdir), *arguments])


def test_a_protocol_with_settings_is_measured_beside_its_baselines(workdir, capsys):
    settings = "--config.evaluation.protocols.few_shot"
    chosen = [f"{settings}.per_class=(1,)", f"{settings}.parts=()", f"{settings}.draws=2"]
    assert _evaluate(workdir, "--protocol", "few_shot", *chosen) == 0
    result = json.loads((workdir / "evaluation.json").read_text())
    assert "pretrained" not in result
    found = result["protocols"]["few_shot"]
    assert found["settings"] == {"per_class": [1], "parts": [], "draws": 2}
    for row in ("pretrained", "random_init", "raw_input"):
        assert found[row]["numbers"]["accuracy, 1 per class"]["value"] > 0.1
    assert result["data"]["test"] == "test"
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line[:8] == "few_shot"]
    assert line.count("±") == 3
    # The two probes come beside it, and evaluation.json keeps both.
    assert _evaluate(workdir, "--protocol", "knn") == 0
    result = json.loads((workdir / "evaluation.json").read_text())
    assert result["protocols"] == {"few_shot": found}
    assert "accuracy" in result["pretrained"]["knn"] and "linear" not in result["pretrained"]
    printed = capsys.readouterr().out
    assert "note: linear probe not measured: not asked for" in printed
    assert main(["report", str(workdir)]) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--protocol", "few_shto"], "unknown protocol 'few_shto'; did you mean 'few_shot'?"),
        (["--protocol", ","], "unknown protocol ','"),
        (["--config.evaluation.protocols.few_shto.draws=2"], "did you mean 'few_shot'?"),
        (
            ["--config.evaluation.protocols.few_shot.drawz=2"],
            "did you mean 'evaluation.protocols.few_shot.draws'",
        ),
        (
            ["--protocol", "few_shot", "--config.evaluation.protocols.few_shot.draws=x"],
            "config.evaluation.protocols.few_shot.draws='x' is of type str; it must be int",
        ),
    ],
)
def test_what_is_misspelt_is_named(workdir, capsys, arguments, said):
    assert _evaluate(workdir, *arguments) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert said in line


def test_probes_by_gradient_steps_on_the_devices_of_the_machine(workdir, tmp_path, capsys):
    key = "--config.evaluation.protocols"
    settings = [f"{key}.linear_sgd.epochs=1", f"{key}.linear_sgd.learning_rates=(0.1, 1.0)"]
    output = tmp_path / "found.json"
    names = ["--protocol", "linear_sgd", "--output", str(output)]
    assert _evaluate(workdir, *names, *settings) == 0
    found = json.loads(output.read_text())["protocols"]["linear_sgd"]
    for row in ("pretrained", "random_init", "raw_input"):
        assert found[row]["numbers"]["accuracy"]["value"] > 0.05
        assert set(found[row]["tried"]) == {"0.1", "1"}
    assert set(found["gains"]) == {"random_init", "raw_input"}


def test_list_of_protocols(capsys):
    assert main(["list", "protocols"]) == 0
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:] if line[2] != " "]
    assert names == ["knn", "linear", *PROTOCOLS]
