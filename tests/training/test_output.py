"""Which output of an objective is evaluated, and that only what it is made of is read."""

import dataclasses

import jax
import numpy as np
import pytest

from ssljax.data.sources import ArraySource
from ssljax.data.sources.base import Options
from ssljax.errors import UserError
from ssljax.models import MLP
from ssljax.objectives import Loss, Objective
from ssljax.objectives.views import plain
from ssljax.spec import Field, Spec
from ssljax.training import evaluate
from ssljax.training.config import complete
from ssljax.training.experiment import build
from tests.objectives.cases import config_of

IMAGE = Field("image", (8, 8, 1), "uint8", mean=(0.5,), std=(0.2,))
ROW = Field("table", (3,), "float32", cardinalities=(0, 0, 0), mean=(0.0,) * 3, std=(1.0,) * 3)
NOTES = Field("series", (None, 1), "float32", mean=(0.0,), std=(1.0,))
SPEC = Spec({"image": IMAGE, "row": ROW}, 40)


@dataclasses.dataclass(frozen=True)
class Pair(Objective):
    """Two encoders, each of a field of its own."""

    def modules(self):
        return {"encoder": self.run.encoder, "of_row": MLP((4,), 4)}

    def run_once(self, net):
        net.encoder(np.zeros((2, 8, 8, 1), np.float32))
        net.of_row(np.zeros((2, 3), np.float32))

    def loss(self, net, teacher, batch, *, key, step):
        return Loss(net.of_row(batch["row"]).mean())

    def outputs(self, params, state, batch):
        net, _ = self.nets(params, state, train=False)
        made = {}
        if "row" in batch:
            made["row"] = net.of_row(plain(batch["row"], ROW))
        if "image" in batch:
            encoded = net.encoder(plain(batch["image"], IMAGE))
            made |= {"image": encoded.pooled, "tokens/image": encoded.tokens}
        if len(made) == 3:
            made["both"] = made["row"][:, :2] * made["image"][:, :2]
        return made


def _config(output):
    config = complete(config_of("simclr"))
    config.objective = {"name": "tests.training.test_output:Pair"}
    config.evaluation.update({"output": output, "knn_k": 3, "batch_size": 16})
    return config


def _source(fields, name="npz:pairs"):
    rng = np.random.default_rng(0)
    label = np.arange(40) % 2
    arrays = {
        "image": rng.integers(0, 255, (40, 8, 8, 1)).astype(np.uint8),
        "row": (rng.normal(size=(40, 3)) + 9 * label[:, None]).astype(np.float32),
    }
    arrays = {key: arrays[key] for key in fields} | {"label": label}
    return ArraySource(
        {key: SPEC.fields[key] for key in fields}, arrays, Options(name, "train"), num_classes=2
    )


class _WithNotes:
    """A source with a further field, of which no two examples have the same shape."""

    def __init__(self, source):
        self.__dict__ = dict(source.__dict__)
        self.source, self.in_memory = source, False
        self.fields = {**source.fields, "notes": NOTES}

    def __len__(self):
        return len(self.source)

    def __getitem__(self, index):
        return {**self.source[index], "notes": np.zeros((index + 1, 1), np.float32)}

    def fingerprint(self):
        return self.source.fingerprint()


@pytest.mark.parametrize(
    ("output", "reads", "dimension", "raw"),
    [
        ("", ["row"], 4, 3),  # the first, which no dict of XLA puts first
        ("row", ["row"], 4, 3),
        ("image", ["image"], None, 64),
        ("both", ["image", "row"], 2, 67),
    ],
)
def test_an_output_is_evaluated_from_the_fields_that_it_is_made_of(
    output, reads, dimension, raw, monkeypatch, tmp_path
):
    config = _config(output)
    config.data.folder = str(tmp_path)
    monkeypatch.setattr(
        evaluate, "open_data", lambda *args, **options: _WithNotes(_source(reads, "npz:other"))
    )
    experiment = build(config, SPEC, devices=jax.devices()[:1])
    assert sorted(experiment.output.fields) == reads
    evaluate.require_evaluable(experiment, final=True)
    result = evaluate.full_evaluation(experiment, experiment.init(), say=lambda line: None)
    assert result["raw_input"]["dimension"] == raw
    assert result.get("output", "") == output
    assert result["protocol"]["train_examples"] == 40
    if dimension:
        assert result["pretrained"]["dimension"] == dimension
    if "row" in reads:
        assert result["raw_input"]["knn"]["accuracy"] > 0.9
    assert ("features are the output" in " ".join(result["protocol"]["notes"])) == bool(output)


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (
            "imagee",
            r"unknown config.evaluation.output 'imagee'; did you mean 'image'\?",
        ),
        ("tokens", r"unknown config.evaluation.output 'tokens'. Known: both, image, row"),
        ("tokens/image", r"'tokens/image' has the shape \[B, 16, .* one of: row, image, both"),
    ],
)
def test_an_output_that_cannot_be_evaluated_is_told_before_training(output, message):
    config = _config(output)
    config.encoder = config_of("mae").encoder
    with pytest.raises(UserError, match=message):
        evaluate.require_evaluable(build(config, SPEC, devices=jax.devices()[:1]), final=False)


def test_a_set_without_the_field_of_the_output_is_told(monkeypatch):
    monkeypatch.setattr(evaluate, "open_data", lambda *args, **options: _source(["image"]))
    experiment = build(_config("row"), SPEC, devices=jax.devices()[:1])
    with pytest.raises(UserError, match="has no 'row', .* it has image, label"):
        evaluate.require_evaluable(experiment, final=False)
