"""`ssljax import` and `ssljax export`."""

import json
import pathlib
import re

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import ssljax
from ssljax.commands import weights_in
from ssljax.commands.main import main
from ssljax.hub import FAMILIES
from ssljax.models.positions import sincos
from tests.hub import made_up

EXPERIMENT = """
import json

from ssljax.training.config import default_config

def get_config(run):
    config, saved = default_config(), json.load(open(f"{run}/config.json"))
    config.encoder, config.objective = saved["encoder"], saved["objective"]
    config.data.source, config.data.image_size = "npz:IMAGES", 16
    config.steps, config.batch_size, config.evaluation.final = 1, 8, False
    config.init_from = ({"workdir": run, "take": "params", "put": "params"},)
    return config
"""


FINETUNE = """
from ml_collections import ConfigDict

def get_config(source):
    return ConfigDict({
        "steps": 1,
        "batch_size": 8,
        "data": {"source": source},
        "encoder": {"positions": "learned"},
        "objective": {"name": "supervised"},
        "evaluation": {"final": False},
        "progress": False,
    })
"""


def table(first):
    return np.pad(sincos((4, 4), made_up.WIDTH), ((first, 0), (0, 0)))[None]


@pytest.fixture(scope="module")
def mae(tmp_path_factory):
    """The folder with a source and the run made of it."""
    folder = tmp_path_factory.mktemp("mae")
    made_up.save(folder / "theirs", made_up.mae(table(1), table(1)))
    (folder / "theirs" / "preprocessor_config.json").write_text(
        json.dumps({"image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.3, 0.4], "size": 16})
    )
    made = ["import", "--from", "hf", str(folder / "theirs"), "--workdir", str(folder / "run")]
    assert main(made) == 0
    return folder


@pytest.fixture(scope="module")
def resnet(tmp_path_factory):
    folder = tmp_path_factory.mktemp("resnet")
    made_up.save(folder / "theirs", made_up.resnet())
    made = ["import", "--from", "timm", str(folder / "theirs"), "--workdir", str(folder / "run")]
    assert main(made) == 0
    return folder


def same(one, two):
    assert set(one) == set(two)
    for name in one:
        assert one[name].dtype == two[name].dtype and one[name].tobytes() == two[name].tobytes()


def test_a_run_like_any_other(mae, tmp_path, capsys):
    model = ssljax.load(mae / "run")
    assert repr(model) == "Model(mae on vit, step 0)"
    field = model.spec.fields["image"]
    assert field.shape == (16, 16, 3)
    assert (field.mean, field.std) == ((0.5, 0.4, 0.3), (0.2, 0.3, 0.4))
    assert model.config.objective.normalize_targets is True
    assert model.config.encoder.norm_epsilon == 1e-12
    assert model.config.encoder.positions == "sincos"
    images = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3), dtype=np.uint8)
    features = model.embed(images)
    assert features.shape == (4, made_up.WIDTH) and np.isfinite(features).all()
    names = {path.name for path in (mae / "run").iterdir()}
    own = {"config.json", "data.json", "state.txt", "parameters.txt", "checkpoints"}
    assert names == {*own, "imported.json"}
    kernel = load_file(mae / "theirs" / "model.safetensors")
    kernel = kernel["vit.encoder.layer.1.intermediate.dense.weight"]
    ours = model.params["encoder"]["trunk"]["blocks"]["mlp"]["fc1"]["kernel"][1]
    np.testing.assert_array_equal(ours, kernel.T)

    np.savez(tmp_path / "set.npz", images=images.repeat(4, axis=0), labels=np.arange(16) % 2)
    out = ["--split", "train", "--out", str(tmp_path / "features.npz")]
    source = ["--source", f"npz:{tmp_path / 'set.npz'}"]
    assert main(["embed", "--workdir", str(mae / "run"), *source, *out]) == 0
    found = np.load(tmp_path / "features.npz")["features"]
    np.testing.assert_allclose(found[::4], features, rtol=1e-4, atol=1e-5)
    other = f"--config.evaluation.source=npz:{tmp_path / 'set.npz'}"
    few = "--config.evaluation.knn_k=3"
    assert main(["evaluate", "--workdir", str(mae / "run"), other, few]) == 0
    evaluation = json.loads((mae / "run" / "evaluation.json").read_text())
    assert evaluation["step"] == 0 and evaluation["pretrained"]["knn"]
    capsys.readouterr()
    assert main(["embed", "--workdir", str(mae / "run"), "--out", str(tmp_path / "x.npz")]) == 2
    assert "imported, without data; give a data set" in capsys.readouterr().err


def test_training_goes_on_in_another_workdir(mae, tmp_path, capsys):
    images = np.random.default_rng(0).integers(0, 256, (16, 16, 16, 3), dtype=np.uint8)
    np.savez(tmp_path / "set.npz", images=images)
    text = EXPERIMENT.replace("IMAGES", str(tmp_path / "set.npz"))
    (tmp_path / "more.py").write_text(text)
    config = ["--config", f"{tmp_path / 'more.py'}:{mae / 'run'}"]
    assert main(["pretrain", *config, "--workdir", str(mae / "run")]) == 2
    assert "imported weights, without data; start a run from them" in capsys.readouterr().err
    assert main(["pretrain", *config, "--workdir", str(tmp_path / "run")]) == 0
    assert ssljax.load(tmp_path / "run").step == 1


def test_it_is_fine_tuned(mae, tmp_path, capsys):
    """At another size, so that the fixed positions become learned ones of another grid."""
    images = np.random.default_rng(0).integers(0, 256, (16, 24, 24, 3), dtype=np.uint8)
    np.savez(tmp_path / "set.npz", images=images, labels=np.arange(16) % 2)
    (tmp_path / "labels.py").write_text(FINETUNE)
    config = ["--config", f"{tmp_path / 'labels.py'}:npz:{tmp_path / 'set.npz'}"]
    made = ["finetune", "--init-from", str(mae / "run"), *config, "--workdir"]
    assert main([*made, str(tmp_path / "run"), "--config.encoder.image_size=24"]) == 0
    told = capsys.readouterr().out
    assert f"starting from the encoder of {mae / 'run'}, step 0:" in told
    assert "learned from fixed sines and cosines on" in told and "decoder  left out" in told
    assert ssljax.load(tmp_path / "run").config.encoder.norm_epsilon == 1e-12


def test_import_and_export_give_the_same_bytes(mae, resnet, tmp_path, capsys):
    for folder, library in ((mae, "hf"), (resnet, "timm")):
        out = tmp_path / library
        made = ["export", "--workdir", str(folder / "run"), "--to", library, "--out", str(out)]
        assert main(made) == 0
        theirs = load_file(folder / "theirs" / "model.safetensors")
        theirs = {name: one for name, one in theirs.items() if not name.startswith("fc.")}
        same(load_file(out / "model.safetensors"), theirs)
    config = json.loads((tmp_path / "hf" / "config.json").read_text())
    assert config == json.loads((mae / "theirs" / "config.json").read_text())
    config = json.loads((tmp_path / "timm" / "config.json").read_text())
    assert config["architecture"] == "resnet18" and config["num_classes"] == 0
    assert "ResNet" in capsys.readouterr().out


def test_every_array_under_its_own_path(resnet, tmp_path):
    out = tmp_path / "own"
    made = ["export", "--workdir", str(resnet / "run"), "--to", "safetensors", "--out", str(out)]
    assert main(made) == 0
    found = load_file(out / "model.safetensors")
    paths = [line.split()[0] for line in (resnet / "run" / "state.txt").read_text().splitlines()]
    own = ("params/", "objective_state/")
    assert set(found) == {path for path in paths if path.startswith(own)}
    model = ssljax.load(resnet / "run")
    kernel = found["params/encoder/stage_0/block_1/conv_0/kernel"]
    np.testing.assert_array_equal(
        kernel, model.params["encoder"]["stage_0"]["block_1"]["conv_0"]["kernel"]
    )
    mean = "objective_state/stats/encoder/stem_norm/mean"
    theirs = load_file(resnet / "theirs" / "model.safetensors")["bn1.running_mean"]
    np.testing.assert_array_equal(found[mean], theirs)


def test_the_table_says_what_became_of_everything(tmp_path, capsys):
    config, tensors = made_up.vit("vit.")
    tensors["classifier.weight"] = np.zeros((5, made_up.WIDTH), np.float32)
    half = {name: tensor.astype(np.float16) for name, tensor in tensors.items()}
    place = made_up.save(tmp_path / "theirs", (config, half))
    made = ["import", "--from", "hf", str(place), "--workdir", str(tmp_path / "run")]
    assert main([*made, "--objective", "simclr"]) == 0
    told = capsys.readouterr().out
    count = len(tensors) - 1
    assert re.search(rf"^  loaded +{count} arrays", told, re.MULTILINE)
    assert re.search(r"^  initialised afresh +\d+ arrays .*projector$", told, re.MULTILINE)
    assert re.search(r"^  unused +1 arrays +40 numbers  classifier.weight$", told, re.MULTILINE)
    assert "mean 0.485 0.456 0.406" in told and "(ImageNet)" in told
    out = ["export", "--workdir", str(tmp_path / "run"), "--to", "hf", "--out"]
    assert main([*out, str(tmp_path / "back")]) == 0
    assert "left out: projector" in capsys.readouterr().out
    found = load_file(tmp_path / "back" / "model.safetensors")
    same(found, {name: one for name, one in half.items() if name != "classifier.weight"})


def changed(**values):
    config, tensors = made_up.vit()
    return {**config, **values}, tensors


def without(key=None, tensor=None):
    config, tensors = made_up.vit()
    config.pop(key, None)
    tensors.pop(tensor, None)
    return config, tensors


def with_tensor(name, value):
    config, tensors = made_up.vit()
    return config, {**tensors, name: value}


LAYER = "encoder.layer.1.attention.attention.key.weight"
POSITIONS = "embeddings.position_embeddings"
OTHER = np.zeros((1, 17, 12), np.float32)


@pytest.mark.parametrize("text", ["help", "docs"])
def test_help_and_docs_name_every_family(text):
    said = weights_in.DESCRIPTION if text == "help" else pathlib.Path("docs/weights.md").read_text()
    words = set(re.findall(r"[\w-]+", said))
    assert set(FAMILIES["hf"]) - words == set()


REFUSED = {
    "unknown type": (changed(model_type="vit_mea"), "did you mean 'vit_mae'"),
    "another model": (changed(model_type="resnet"), "is no Hugging Face's ResNet"),
    "lacks a key": (without("hidden_size"), "config.json lacks 'hidden_size'"),
    "wrong key": (changed(num_hidden_layers="2"), "num_hidden_layers='2'; it must be a whole"),
    "wrong depth": (changed(num_hidden_layers=3), "lacks 16 of the 54 tensors of the encoder"),
    "too shallow": (changed(num_hidden_layers=1), "no place for here"),
    "wrong width": (changed(intermediate_size=24), "has the shape [20, 8]"),
    "heads": (changed(num_attention_heads=3), "num_attention_heads=3; it must be a divisor"),
    "activation": (changed(hidden_act="relu"), "hidden_act='relu'; it must be one of gelu"),
    "lacks a tensor": (without(tensor=LAYER), f"lacks 1 of the 38 tensors of the encoder: {LAYER}"),
    "unknown": (with_tensor("rel_pos", OTHER), "no place for here, without which it would be"),
    "positions": (
        with_tensor("embeddings.position_embeddings", OTHER),
        "has the shape [1, 17, 12]",
    ),
    "whole numbers": (with_tensor(LAYER, np.zeros((8, 8), np.int8)), "is int8; weights must be"),
    "not finite": (with_tensor(LAYER, np.full((8, 8), np.nan, np.float32)), "not finite"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_source_that_does_not_fit_is_refused(case, tmp_path, capsys):
    made, message = REFUSED[case]
    place = made_up.save(tmp_path / "theirs", made)
    run = tmp_path / "new" / "run"
    assert main(["import", "--from", "hf", str(place), "--workdir", str(run)]) == 2
    assert message in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["theirs"]


def files(tmp_path):
    """Write sources that cannot be read."""
    config, tensors = made_up.vit()
    for name in ("pickle", "none", "damaged", "shards", "outside", "no_json", "no_object"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(json.dumps(config))
    (tmp_path / "pickle" / "pytorch_model.bin").write_bytes(b"PK")
    (tmp_path / "damaged" / "model.safetensors").write_bytes(b"\x08" + b"\0" * 20)
    for name, file in (("shards", "model-2.safetensors"), ("outside", "../none/x.safetensors")):
        index = {"weight_map": {"layernorm.bias": file}}
        (tmp_path / name / "model.safetensors.index.json").write_text(json.dumps(index))
    for name, text in (("no_json", "{"), ("no_object", "[]")):
        save_file(tensors, tmp_path / name / "model.safetensors")
        (tmp_path / name / "config.json").write_text(text)
    save_file(tensors, tmp_path / "alone.safetensors")


UNREADABLE = [
    (("hf", "pickle"), "pytorch_model.bin is a pickle, which can run code"),
    (("hf", "pickle"), 'torch.load("'),
    (("hf", "none"), "has no model.safetensors"),
    (("hf", "nowhere"), "there is no"),
    (("hf", "damaged"), "as safetensors"),
    (("hf", "shards"), "names model-2.safetensors, which is not there"),
    (("hf", "outside"), "names a file outside of its folder"),
    (("hf", "no_json"), "is not readable as JSON"),
    (("hf", "no_object"), "holds a list, not an object"),
    (("hf", "alone.safetensors"), "give the folder with config.json"),
    (("timm", "alone.safetensors"), "give the name of the model, such as"),
    (("timm", "alone.safetensors", "--model", "vti_base"), "unknown model of timm"),
    (("timm", "alone.safetensors", "--model", "resnet50"), "lacks the tensor conv1.weight"),
]


@pytest.mark.parametrize(("arguments", "message"), UNREADABLE)
def test_a_source_that_cannot_be_read_is_refused(arguments, message, tmp_path, capsys):
    files(tmp_path)
    there = sorted(path.name for path in tmp_path.iterdir())
    library, place, *rest = arguments
    made = ["import", "--from", library, str(tmp_path / place), *rest]
    assert main([*made, "--workdir", str(tmp_path / "run")]) == 2
    assert message in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == there


def test_several_files_with_an_index(tmp_path):
    config, tensors = made_up.vit()
    place = tmp_path / "theirs"
    place.mkdir()
    (place / "config.json").write_text(json.dumps(config))
    names = {name: f"model-{number % 2}.safetensors" for number, name in enumerate(tensors)}
    for file in set(names.values()):
        save_file({n: t for n, t in tensors.items() if names[n] == file}, place / file)
    index = {"weight_map": names}
    (place / "model.safetensors.index.json").write_text(json.dumps(index))
    from ssljax.hub.files import Tensors

    found = Tensors(place)
    assert set(found) == set(tensors)
    np.testing.assert_array_equal(found[LAYER], tensors[LAYER])
    index["weight_map"]["absent"] = "model-0.safetensors"
    (place / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ssljax.UserError, match="names the tensor absent, which no file has"):
        Tensors(place)


def test_folders_that_are_there_stay_as_they_are(mae, capsys):
    (mae / "there").mkdir(exist_ok=True)
    (mae / "there" / "mine").write_text("mine")
    there = str(mae / "there")
    for made in (
        ["export", "--workdir", str(mae / "run"), "--to", "hf", "--out", there],
        ["import", "--from", "hf", str(mae / "theirs"), "--workdir", there],
    ):
        assert main(made) == 2
        assert "is there already; give another name" in capsys.readouterr().err
    assert (mae / "there" / "mine").read_text() == "mine"


def test_a_run_without_a_counterpart_is_refused(mae, tmp_path, capsys):
    """It names the field that differs; --to timm has another epsilon."""
    out = tmp_path / "out"
    made = ["export", "--workdir", str(mae / "run"), "--out", str(out), "--to"]
    assert main([*made, "timm"]) == 2
    assert "no counterpart of encoder.norm_epsilon=1e-12; it has 1e-06" in capsys.readouterr().err
    assert not out.exists()
