"""`ssljax finetune`, from the command line: a run, a kill, and the rest of it."""

import contextlib
import io
import json
import os
import pathlib
import re
import subprocess
import sys
import time

import numpy as np
import pytest

import ssljax
from ssljax.commands.main import main
from ssljax.data import open_source
from ssljax.models.positions import sincos
from ssljax.training.checkpoint import Checkpointer
from ssljax.training.experiment import build
from ssljax.training.few_labels import amounts_of
from ssljax.training.selection import chosen, classes_of, parts_of
from ssljax.training.tree_paths import named_leaves
from ssljax.training.workdir import load_config
from tests.hub import made_up

ROOT = pathlib.Path(__file__).parent.parent.parent
PRETRAIN = """
from tests.objectives.cases import config_of

def get_config(case="mae"):
    return config_of(case)
"""
FINETUNE = """
from ml_collections import ConfigDict

def get_config(source="sklearn:digits"):
    return ConfigDict({
        "steps": 90,
        "batch_size": 64,
        "data": {"source": source, "held_out": 0.1},
        "encoder": {"drop_path": 0.1},
        "objective": {"name": "supervised", "views": {"crop": {"crop_scale": (0.7, 1.0)}}},
        "optimizer": {"learning_rate": 0.01, "layer_decay": 0.9},
        "log_every": 5,
        "progress": False,
        "checkpoint": {"every": 10},
        "evaluation": {"every": 90},
    })
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finetune")
    (folder / "pretrain.py").write_text(PRETRAIN)
    (folder / "finetune.py").write_text(FINETUNE)
    assert main(["pretrain", f"--config={folder}/pretrain.py", f"--workdir={folder}/mae"]) == 0
    return folder


def finetune(files, workdir, *further):
    config = f"--config={files}/finetune.py"
    return ["finetune", f"--init-from={files}/mae", config, f"--workdir={workdir}", *further]


@pytest.fixture(scope="module")
def finetuned(files):
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert main(finetune(files, files / "whole")) == 0
    return files / "whole", printed.getvalue()


def _state(workdir):
    experiment = build(load_config(workdir))
    return Checkpointer(workdir, keep_last=2).restore(experiment.abstract_state)[1]


def test_a_run_is_finetuned_and_scored_on_test(files, finetuned):
    workdir, printed = finetuned
    config = load_config(workdir)
    assert config.encoder.width == load_config(files / "mae").encoder.width
    assert config.encoder.drop_path == 0.1 and config.data.labels
    assert f"starting from the encoder of {files / 'mae'}, step 12:" in printed
    assert "loaded      encoder/trunk" in printed and "missing     head  starts afresh" in printed
    assert "unexpected  decoder  left out" in printed
    result = json.loads((workdir / "finetuning.json").read_text())
    assert result["step"] == 90 and result["kind"] == "class" and result["examples"] == 359
    scores = result["scores"]
    assert 0.2 < scores["accuracy"] <= scores["top5"] <= 1
    low, high = scores["interval_accuracy"]
    assert low < scores["accuracy"] < high
    assert f"accuracy {100 * scores['accuracy']:.1f} (95% interval" in printed
    assert "'test' of sklearn:digits" in printed
    logged = [json.loads(line) for line in (workdir / "metrics.jsonl").open()]
    assert any("held_out_accuracy" in line for line in logged)
    assert not (workdir / "evaluation.json").exists()
    # The head's output from Python is what was scored.
    test = open_source("sklearn:digits", split="test").arrays
    logits = ssljax.load(workdir).embed(test["image"], output="logits")
    assert np.mean(logits.argmax(1) == test["label"]) == pytest.approx(scores["accuracy"])


def test_a_finished_one_is_told_and_not_scored_again(files, finetuned, capsys):
    workdir, _ = finetuned
    before = (workdir / "finetuning.json").stat().st_mtime_ns
    assert main(finetune(files, workdir)) == 0
    assert f"the run in {workdir} is finished" in capsys.readouterr().out
    assert (workdir / "finetuning.json").stat().st_mtime_ns == before


def test_a_killed_one_goes_on_with_the_same_bits(files, finetuned):
    workdir = files / "killed"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-m", "ssljax", *finetune(files, workdir)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    deadline = time.monotonic() + 240
    while not any(path.name.isdigit() for path in (workdir / "checkpoints").glob("*")):
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.kill()
    process.communicate()
    assert main(finetune(files, workdir)) == 0
    one, two = (named_leaves(_state(path)) for path in (finetuned[0], workdir))
    for path in one:
        np.testing.assert_array_equal(one[path], two[path], err_msg=path)
    results = [
        json.loads((path / "finetuning.json").read_text()) for path in (finetuned[0], workdir)
    ]
    assert results[0]["scores"] == results[1]["scores"]


def test_a_probe_is_the_same_command(files):
    workdir = files / "probe"
    frozen = ("--config.objective.freeze_encoder=True", "--config.objective.head_norm=batch")
    short = ("--config.steps=3", "--config.evaluation.final=False")
    assert main(finetune(files, workdir, *frozen, *short)) == 0
    pretrained, probed = _state(files / "mae"), _state(workdir)
    for path, leaf in named_leaves(pretrained.params["encoder"]).items():
        np.testing.assert_array_equal(leaf, named_leaves(probed.params["encoder"])[path])
    assert not any("encoder" in path for path in named_leaves(probed.opt_state))


@pytest.mark.parametrize(
    "further, message",
    [
        (["--config.encoder.width=8"], "another architecture: encoder.width is 16 there, 8 here"),
        (["--config.objective=simclr"], "predicts no labels; finetune trains 'supervised'"),
        (["--config.data.source=npz:TABLE"], "needed is image"),
        (["--config.data.source=npz:UNLABELLED"], "it needs data with labels"),
        (["--config.data.source=npz:TRAIN"], "set config.data.held_out=0.2|held_out"),
        (["--config.data.labels=False"], "a fine-tuning learns labels"),
        (["--init-from=nowhere"], "nowhere holds no run"),
    ],
)
def test_what_does_not_fit_is_refused_and_leaves_nothing(files, tmp_path, capsys, further, message):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (80, 8, 8, 1), np.uint8)
    np.savez(tmp_path / "TABLE.npz", table=np.zeros((40, 2)), label=np.arange(40) % 2)
    np.savez(tmp_path / "UNLABELLED.npz", image=images)
    np.savez(tmp_path / "TRAIN.npz", image=images, label=np.arange(80) % 2)
    further = [re.sub("npz:([A-Z]+)", rf"npz:{tmp_path}/\1.npz", one) for one in further]
    if "TRAIN" in further[0]:
        further.append("--config.data.held_out=0.0")
    assert main(finetune(files, tmp_path / "run", *further)) == 2
    assert re.search(message, capsys.readouterr().err)
    assert not (tmp_path / "run").exists()


def test_classes_of_test_that_training_lacks_are_told(files, tmp_path, capsys):
    images = np.random.default_rng(0).integers(0, 255, (40, 8, 8, 1), np.uint8)
    parts = {"train_label": np.arange(40) % 2 + 1, "test_label": np.arange(40) % 4 + 1}  # from 1 on
    np.savez(tmp_path / "x.npz", train_image=images, test_image=images, **parts)
    further = [f"--config.data.source=npz:{tmp_path / 'x.npz'}", "--config.steps=2"]
    further += ["--config.batch_size=8", "--config.evaluation.every=0"]
    assert main(finetune(files, tmp_path / "run", *further)) == 0
    note = "2 classes of 'test' are absent from the training examples: their 20 of 40 examples"
    assert f"note: {note} count as errors" in capsys.readouterr().out
    (told,) = json.loads((tmp_path / "run/finetuning.json").read_text())["notes"]
    assert told.startswith(note)


def test_numbers_are_regressed_from_other_images(files, tmp_path, capsys):
    """Of three channels and another size, without a test split: the encoder is fitted to them."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (18, 12, 12, 3), np.uint8)  # fewer than evaluation.knn_k
    np.savez(tmp_path / "x.npz", image=images, label=images.mean((1, 2)) / 255)
    workdir = tmp_path / "run"
    further = [f"--config.data.source=npz:{tmp_path / 'x.npz'}", "--config.steps=3"]
    further.append("--config.batch_size=8")
    assert main(finetune(files, workdir, *further, "--config.evaluation.every=0")) == 0
    printed = capsys.readouterr().out
    assert "reshaped    encoder/patch_embed/linear/kernel  1 -> 3 channels" in printed
    result = json.loads((workdir / "finetuning.json").read_text())
    assert result["kind"] == "regression" and result["examples"] == 2
    assert result["data"]["held_out"] == 0.1 and len(result["scores"]["mse_of_each"]) == 3
    assert "10% of 'train' of npz:" in printed and "R2" in printed


def test_few_labels_beside_a_probe_and_from_scratch(files, tmp_path, capsys):
    workdir = tmp_path / "few"
    few = ("--few-labels=1,1%", "--draws=2", "--config.steps=6", "--config.data.held_out=0.0")
    assert main(finetune(files, workdir, *few)) == 0
    printed = capsys.readouterr().out
    assert printed.count("compiling the train step") == 1
    found = json.loads((workdir / "few_labels.json").read_text())
    assert set(found["accuracies"]) == {
        f"{amount}/{draw}/{row}"
        for amount in ("1", "1%")
        for draw in (0, 1)
        for row in ("probe", "finetuned", "scratch")
    }
    row = found["rows"]["1"]["probe"]
    own = [found["accuracies"][f"1/{draw}/probe"] for draw in (0, 1)]
    assert row["accuracy"] == pytest.approx(np.mean(own)) and 0.1 < min(own)
    for words in ("linear probe", "fine-tuned", "from scratch", "pretraining"):
        assert words in printed
    # A cell that is known is not computed again; the others give the same.
    held = found["accuracies"].pop("1%/1/scratch")
    found["accuracies"]["1/0/probe"] = 0.125
    (workdir / "few_labels.json").write_text(json.dumps(found))
    assert main(finetune(files, workdir, *few)) == 0
    again = json.loads((workdir / "few_labels.json").read_text())["accuracies"]
    assert again["1%/1/scratch"] == held and again["1/0/probe"] == 0.125
    assert main(finetune(files, workdir, *few, "--config.seed=1")) == 2
    assert "is of another config" in capsys.readouterr().err


def test_the_draws_are_those_of_the_config(files):
    """What the grid trains on is what a run with data.per_class and data.draw is trained on."""
    config = load_config(files / "mae")
    source = build(config).source
    for text, keys in (("2", {"per_class": 2}), ("10%", {"part": 0.1})):
        (amount,) = amounts_of(text)
        config.data.update({"per_class": 0, "part": 1.0, "draw": 3, **keys})
        one = chosen(source, amount.draw(classes_of(source), 3))
        assert one.fingerprint() == parts_of(source, config.data).train.fingerprint()


@pytest.mark.parametrize("text", ("0", "x", "1,,2", "0%", "101%", "-1"))
def test_malformed_amounts_are_named(files, tmp_path, capsys, text):
    assert main(finetune(files, tmp_path / "few", f"--few-labels={text}")) == 2
    assert "--few-labels" in capsys.readouterr().err
    assert main(finetune(files, tmp_path / "few", "--few-labels=1", "--draws=1")) == 2
    assert "needs 2 or more" in capsys.readouterr().err
    assert not (tmp_path / "few").exists()


def test_pixels_are_classified(files, tmp_path, capsys):
    """Masks: the head is on tokens, the score is the mean IoU of the test split."""
    arrays = {}
    for split in ("train", "test"):
        images = open_source("sklearn:digits", split=split).arrays["image"]
        arrays[f"{split}_image"], arrays[f"{split}_label"] = images, images[..., 0] > 128
    np.savez(tmp_path / "masks.npz", **arrays)
    workdir = tmp_path / "run"
    source = f"--config.data.source=npz:{tmp_path / 'masks.npz'}"
    further = ("--config.evaluation.every=0", "--config.data.held_out=0.0")
    assert main(finetune(files, workdir, source, *further)) == 0
    result = json.loads((workdir / "finetuning.json").read_text())
    assert result["kind"] == "mask" and result["examples"] == 359
    scores = result["scores"]
    # The darker class everywhere would have a mean IoU of half its share, about 0.35.
    assert 0.5 < scores["mean_iou"] < scores["pixel_accuracy"] < 1
    assert "mean IoU" in capsys.readouterr().out


def test_words_are_tagged_and_berts_pooler_goes_on(files, tmp_path, capsys):
    """Texts: a class for each word; and one of each pair of sentences, from the other's pooler."""
    words, folder = ("Rome", "Paris", "sees", "the", "runs"), tmp_path / "data"
    folder.mkdir()
    for split, count in (("train", 96), ("test", 48)):
        rows = np.random.default_rng(count).integers(0, 5, (count, 6))
        lines = [
            {"tokens": [words[n] for n in row], "label": int(row[0] > 2)}
            | {"tags": ["B-LOC" if n < 2 else "O" for n in row]}
            | {"one": " ".join(words[n] for n in row[:3]), "two": words[row[3]]}
            for row in rows.tolist()
        ]
        (folder / f"{split}.jsonl").write_text("\n".join(map(json.dumps, lines)))
    source = f"jsonl:{folder}?text=tokens"
    data = (f"--config.data.source={source}", "--config.data.tokenizer=bytes")
    short = (*data, "--config.data.length=32", "--config.evaluation.every=0")
    bert, tagged, pooled = (tmp_path / name for name in ("bert", "tagged", "pooled"))
    further = ("--config.steps=1", "--config.evaluation.protocols={}", "--config.encoder.length=32")
    file = f"--config={files}/pretrain.py:bert"
    assert main(["pretrain", file, f"--workdir={bert}", *short, *further]) == 0
    views = ', "views": {"crop": {"crop_scale": (0.7, 1.0)}}'
    (tmp_path / "texts.py").write_text(FINETUNE.replace(views, ""))
    own = ["finetune", f"--init-from={bert}", f"--config={tmp_path / 'texts.py'}", *short]
    own += ["--config.data.held_out=0.0", "--config.encoder.drop_path=0.0"]
    source = f"--config.data.source={source}&label=tags"
    assert main([*own, f"--workdir={tagged}", source]) == 0
    result = json.loads((tagged / "finetuning.json").read_text())
    assert result["kind"] == "tokens" and result["examples"] == 48
    assert result["scores"]["entity_f1"] > 0.9
    capsys.readouterr()
    further = (f"--workdir={pooled}", "--config.objective.pooler=True", "--config.steps=1")
    source = f"--config.data.source=jsonl:{folder}?text=one&second=two&label=label"
    still = "--config.optimizer.learning_rate=1e-9"
    assert main([*own, source, *further, still]) == 0
    assert "loaded      pooler" in capsys.readouterr().out
    one, two = (_state(run).params["pooler"]["linear"]["kernel"] for run in (bert, pooled))
    np.testing.assert_allclose(one, two, atol=1e-6)
    logits = ssljax.load(pooled).embed(
        text=[("the Rome", "sees"), ("the", "Rome")], output="logits"
    )
    assert logits.shape == (2, 2) and not np.allclose(logits[0], logits[1])


def test_released_weights_are_finetuned(files, tmp_path, capsys):
    """Of an imported run, whose images were larger and coloured."""
    places = np.pad(sincos((4, 4), made_up.WIDTH), ((1, 0), (0, 0)))[None]
    made_up.save(tmp_path / "theirs", made_up.mae(places, places))
    run, workdir = tmp_path / "imported", tmp_path / "finetuned"
    assert main(["import", "--from", "hf", str(tmp_path / "theirs"), f"--workdir={run}"]) == 0
    short = (f"--init-from={run}", "--config.steps=2", "--config.evaluation.every=0")
    assert main(finetune(files, workdir, *short)) == 0
    printed = capsys.readouterr().out
    assert f"starting from the encoder of {run}, step 0:" in printed
    assert "encoder/patch_embed/linear/kernel  3 -> 1 channels, summed" in printed
    assert json.loads((workdir / "finetuning.json").read_text())["step"] == 2
