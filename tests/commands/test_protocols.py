"""`ssljax evaluate --protocol` and `ssljax list protocols` as a user meets them."""

import json

import numpy as np
import pytest
from sklearn.datasets import load_digits

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
    assert result["data"]["test"] == "test" and 1e4 < result["flops_per_example"] < 1e8
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
    text = capsys.readouterr().out
    assert f"| `{workdir}` | few_shot | accuracy, 1 per class | " in text


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


def test_probes_of_tokens_and_layers_on_the_devices_of_the_machine(workdir, tmp_path):
    settings = {
        "linear_sgd": {"epochs": 1, "learning_rates": "(0.1, 1.0)"},
        "attentive": {"epochs": 1, "learning_rates": "(0.001,)"},
        "dino": {"epochs": 1, "learning_rates": "(0.1,)", "neighbours": "(10,)", "batch_size": 600},
        "layers": {"probe": "knn"},
        "kmeans": {"seeds": 2},
    }
    output = tmp_path / "found.json"
    flags = [
        f"--config.evaluation.protocols.{name}.{key}={value}"
        for name, keys in settings.items()
        for key, value in keys.items()
    ]
    names = ["--protocol", ",".join(settings), "--output", str(output)]
    assert _evaluate(workdir, *names, *flags) == 0
    found = json.loads(output.read_text())["protocols"]
    assert list(found) == list(settings)
    for name, result in found.items():
        for row in ("pretrained", "random_init", "raw_input"):
            if (name, row) == ("layers", "raw_input"):
                assert result[row] == {"not_measured": "raw input has no layers"}
            else:
                assert next(iter(result[row]["numbers"].values()))["value"] > 0.02, (name, row)
    assert set(found["linear_sgd"]["pretrained"]["tried"]) == {"0.1", "1"}
    assert "accuracy, layer 2" in found["layers"]["pretrained"]["numbers"]
    assert "accuracy, 10-NN" in found["dino"]["raw_input"]["numbers"]


def test_targets_that_are_no_classes(workdir, tmp_path):
    pixels, digits = load_digits(return_X_y=True)
    images = (15 * pixels).astype(np.uint8).reshape(-1, 8, 8, 1)[:300]
    several = np.stack([digits % 2 == 0, digits > 6], axis=1)[:300].astype(np.uint8)
    numbers = np.cos(digits)[:300, None].astype(np.float32)
    for name, targets in (("multi_label", several), ("regression", numbers)):
        folder = tmp_path / name
        folder.mkdir()
        np.savez(folder / "train.npz", image=images, label=targets)  # a part is held out as test
        source = f"--config.evaluation.source=npz:{folder}"
        output = folder / "found.json"
        options = ["--protocol", "knn,multi_label,regression", "--output", str(output)]
        assert _evaluate(workdir, *options, source) == 0
        result = json.loads(output.read_text())
        assert result["data"]["test"] == "20% of train, held out"
        for protocol, found in result["protocols"].items():
            measured = [row for row in found if "numbers" in found[row]]
            assert len(measured) == (3 if protocol == name else 0)
        main = next(iter(result["protocols"][name]["raw_input"]["numbers"].values()))
        assert main["value"] > 0.1 and "knn" not in result["pretrained"]


def test_the_complete_config_explains_the_settings(workdir, capsys):
    settings = ["--config.evaluation.protocols.few_shot.draws=3"]
    assert main(["config", str(workdir.parent / "short.py"), *settings]) == 0
    text = capsys.readouterr().out
    assert '"draws": 3,  # how often the labelled examples are drawn' in text
    assert '"per_class": (1, 2, 5, 10)' in text


def test_list_of_protocols(capsys):
    assert main(["list", "protocols"]) == 0
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:] if line[2] != " "]
    assert names == ["knn", "linear", *PROTOCOLS]
