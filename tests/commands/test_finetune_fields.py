"""`ssljax finetune --field`: of a run that encodes several fields, any of its encoders goes on."""

import json

import numpy as np
import pytest

import ssljax
from ssljax.commands.main import main
from tests.objectives.files import NAMES

PRETRAIN = """
from tests.objectives.cases import config_of

def get_config(case):
    config = config_of(case)
    config.data.tokenizer = "bytes"
    return config
"""
FINETUNE = """
from ml_collections import ConfigDict

def get_config(source):
    return ConfigDict({
        "steps": 1,
        "batch_size": 8,
        "data": {"source": source, "length": 16 * source.startswith("jsonl")},
        "objective": {"name": "supervised", "freeze_encoder": True},
        "evaluation": {"final": False},
        "progress": False,
    })
"""
CASES = ("clip", "combine, fields")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two runs, a set of texts and one of images."""
    folder, rng = tmp_path_factory.mktemp("fields"), np.random.default_rng(0)
    (folder / "pretrain.py").write_text(PRETRAIN)
    (folder / "finetune.py").write_text(FINETUNE)
    for case in CASES:
        run = [f"--config={folder}/pretrain.py:{case}", f"--workdir={folder}/{case}"]
        options = ["--config.steps=1", "--config.evaluation.final=False"]
        assert main(["pretrain", *run, *options]) == 0
    labels, images = np.arange(40) % 10, rng.integers(0, 255, (40, 8, 8, 1), dtype=np.uint8)
    parts = {f"{part}_image": images for part in ("train", "test")}
    np.savez(folder / "image.npz", **parts, train_label=labels, test_label=labels)
    (folder / "text").mkdir()
    lines = [json.dumps({"text": NAMES[one], "label": int(one)}) for one in labels]
    for part in ("train", "test"):
        (folder / "text" / f"{part}.jsonl").write_text("\n".join(lines))
    return folder


def finetuned(folder, case, field, workdir, *further):
    source = {"image": f"npz:{folder}/image.npz", "text": f"jsonl:{folder}/text?label=label"}
    config = f"--config={folder}/finetune.py:{source[field]}"
    run = [f"--init-from={folder}/{case}", config, f"--workdir={workdir}"]
    return main(["finetune", *run, *further])


@pytest.mark.parametrize("field", ["image", "text"])
@pytest.mark.parametrize("case", CASES)
def test_the_encoder_of_a_field_goes_on(folder, case, field, tmp_path, capsys):
    """Also its trunk, which combine shares; and images of a run that has a tokenizer."""
    further = [] if field == "image" else ["--field=text"]
    assert finetuned(folder, case, field, tmp_path / "run", *further) == 0
    printed = capsys.readouterr().out
    assert "loaded      encoder/trunk" in printed
    assert "missing     head  starts afresh" in printed
    assert "missing     encoder" not in printed and "unexpected  encoder/" not in printed
    shown = list(NAMES) if field == "text" else np.load(folder / "image.npz")["test_image"]
    before = ssljax.load(folder / case).embed(**{field: shown}, output=field)
    after = ssljax.load(tmp_path / "run").embed(shown)
    np.testing.assert_allclose(after, before, atol=1e-5)


def test_a_field_without_an_encoder_is_refused(folder, tmp_path, capsys):
    assert finetuned(folder, "clip", "text", tmp_path / "run", "--field=txt") == 2
    said = capsys.readouterr().err
    assert "unknown field with an encoder in" in said and "did you mean 'text'" in said
    assert not (tmp_path / "run").exists()


def test_an_encoder_of_another_field_is_named(folder, tmp_path, capsys):
    given = '"objective": {"name": "supervised"'
    named = FINETUNE.replace(given, f'"encoder": {{"name": "text_transformer"}}, {given}')
    (tmp_path / "named.py").write_text(named)
    config = f"--config={tmp_path}/named.py:jsonl:{folder}/text?label=label"
    run = [f"--init-from={folder}/clip", config, f"--workdir={tmp_path}/run"]
    assert main(["finetune", *run]) == 2
    assert "leave the name out, or add --field text" in capsys.readouterr().err
    assert finetuned(folder, "clip", "text", tmp_path / "run") == 2
    assert "fields text (text), label (label); needed is image" in capsys.readouterr().err
