"""A run keeps its tokenizer: its texts have the same ids wherever it is used."""

import json

import numpy as np
import pytest

import ssljax
from ssljax.data import train_tokenizer
from ssljax.errors import UserError
from ssljax.training.config import complete
from ssljax.training.loop import pretrain
from ssljax.training.workdir import load_config
from tests.objectives.cases import config_of
from tests.objectives.files import NAMES, caption


def config_with(path, **keys):
    config = config_of("clip")
    config.steps, config.checkpoint.every = 2, 2
    config.data.tokenizer = f"json:{path}"
    config.update(keys)
    return complete(config)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a run whose tokenizer's file is gone."""
    folder = tmp_path_factory.mktemp("tokenized")
    texts = [caption(digit) for digit in range(10)] * 3
    for name, some in (("own", texts), ("other", [text[::-1] for text in texts])):
        definition = train_tokenizer(some, 80, "wordpiece").definition()
        (folder / f"{name}.json").write_text(definition)
    pretrain(config_with(folder / "own.json"), folder / "run", say=lambda line: None)
    (folder / "own.json").rename(folder / "moved.json")
    return folder / "run"


def test_a_run_embeds_strings_by_its_own_tokenizer(run):
    assert load_config(run).data.tokenizer == f"json:{run / 'tokenizer.json'}"
    model = ssljax.load(run)
    field = model.spec.fields["text"]
    assert field.special_id("mask") == 4 and field.vocab <= 80
    texts = [f"the {name}" for name in NAMES]
    batch = model.batch(text=texts)["text"]
    assert np.asarray(batch.data)[0, 0] == field.special_id("cls")
    assert np.asarray(batch.segments).sum(axis=1).min() >= 3
    assert model.embed(text=texts).shape[0] == len(texts)
    record = json.loads((run / "data.json").read_text())["fingerprint"]["source"]["content"]
    assert "tokenizer " in record


def test_a_run_goes_on_with_its_own_and_refuses_another_by_name(run):
    with pytest.raises(UserError, match="data.tokenizer=.*other.json' is not the tokenizer of the"):
        pretrain(config_with(run.parent / "other.json", steps=3), run, say=print)
    with pytest.raises(UserError, match="does not exist; did you mean"):
        pretrain(config_with(run.parent / "own.json", steps=3), run, say=print)
    said = []
    pretrain(config_with(run.parent / "moved.json", steps=3), run, say=said.append)
    assert any("going on from step 2" in line for line in said)


def test_what_starts_from_a_run_must_have_its_tokenizer(run):
    from ssljax.training.experiment import build

    config = config_with(run.parent / "other.json", init_from=({"workdir": str(run)},))
    with pytest.raises(UserError, match="init_from.*is not the tokenizer of the run"):
        build(config)


def test_a_tokenizer_without_texts_is_refused():
    from ssljax.training.experiment import build

    config = config_of("simclr")
    config.data.tokenizer = "bytes"
    with pytest.raises(UserError, match="config.data.tokenizer='bytes' is for text"):
        build(complete(config))
