"""`ssljax import` and `ssljax export` of models of images with texts, the tokenizer included."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors

import ssljax
from ssljax.commands.main import main
from tests.hub import made_up

WORDS = ["<pad>", "<s>", "</s>", "<unk>", "a", "red", "car", "dog"]
IMAGES = np.random.default_rng(0).integers(0, 255, (3, 16, 16, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """The folder with a source and the run made of it."""
    folder = tmp_path_factory.mktemp("clip")
    made_up.save(folder / "theirs", made_up.clip(len(WORDS)))
    vocab = {word: number for number, word in enumerate(WORDS)}
    tokenizer = Tokenizer(models.WordLevel(vocab, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    tokenizer.add_special_tokens(WORDS[:4])
    tokenizer.save(str(folder / "theirs" / "tokenizer.json"))
    made = ["import", "--from", "hf", str(folder / "theirs"), "--workdir", str(folder / "run")]
    assert main(made) == 0
    return folder


def test_texts_are_read_by_the_tokenizer_of_the_folder(clip):
    assert (clip / "run" / "tokenizer.json").exists()
    model = ssljax.load(clip / "run")
    similar = model.similarity(IMAGES, ["a red car", "a dog"])
    assert similar.shape == (3, 2) and np.abs(similar).max() <= 1 + 1e-6
    ids = np.array([[1, 4, 5, 6, 2, -1], [1, 4, 7, 2, -1, -1]])
    np.testing.assert_allclose(model.similarity(IMAGES, ids), similar, atol=1e-6)
    # The end token is what stands for a text: another one gives other features.
    ids[:, 3] = 7
    assert not np.allclose(model.similarity(IMAGES, ids), similar, atol=1e-3)


def test_the_same_bytes_come_back(clip, tmp_path):
    arguments = ["--workdir", str(clip / "run"), "--to", "hf", "--out", str(tmp_path / "out")]
    assert main(["export", *arguments]) == 0
    one, two = (load_file(f / "model.safetensors") for f in (clip / "theirs", tmp_path / "out"))
    assert set(one) == set(two)
    assert all(one[name].tobytes() == two[name].tobytes() for name in one)
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config == json.loads((clip / "theirs" / "config.json").read_text())


def test_an_objective_of_one_field_takes_the_encoder_of_images(clip, tmp_path):
    arguments = ["--from", "hf", str(clip / "theirs"), "--workdir", str(tmp_path / "run")]
    assert main(["import", *arguments, "--objective", "simclr"]) == 0
    model, both = ssljax.load(tmp_path / "run"), ssljax.load(clip / "run")
    assert set(model.spec.fields) == {"image"}
    np.testing.assert_allclose(model.embed(IMAGES), both.embed(IMAGES), atol=1e-6)


def test_what_only_one_of_the_two_encoders_has_is_refused(clip, tmp_path, capsys):
    config, tensors = made_up.clip(len(WORDS))
    del tensors["text_model.encoder.layers.0.mlp.fc1.bias"]
    made_up.save(tmp_path / "theirs", (config, tensors))
    arguments = ["--from", "hf", str(tmp_path / "theirs"), "--workdir", str(tmp_path / "run")]
    assert main(["import", *arguments]) == 2
    assert "lacks 1 of the" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
