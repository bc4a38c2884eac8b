"""Mapping tables of text: every array of encoder and heads has a row, and comes back as it was."""

import jax
import numpy as np
import pytest

from ssljax.errors import UserError
from ssljax.hub.families import FAMILIES
from ssljax.hub.flat import flat
from ssljax.hub.given import Given
from ssljax.hub.table import pairs
from ssljax.models import build_encoder
from ssljax.objectives import Run, build_objective
from ssljax.spec import Spec
from tests.objectives.cases.language import ALBERT, BERT, CAUSAL, ROBERTA, TRANSFORMER
from tests.objectives.conftest import WORDS

ESM = {**TRANSFORMER, "embedding_norm": True, "position_offset": 2, "token_dropout": 0.12}
# The encoder, the objective, and the parts of it that a file of the family has.
RUNS = {
    "bert": (BERT, "bert", ("encoder", "words", "pooler", "sentences")),
    "roberta": (ROBERTA, "roberta", ("encoder", "words")),
    "albert": (ALBERT, "albert", ("encoder", "words", "pooler", "sentences")),
    "electra": ({**BERT, "embed_width": 8}, "electra", ("encoder", "replaced")),
    "esm": (ESM, "roberta", ("encoder", "words")),
    "gpt2": (CAUSAL, "gpt", ("encoder",)),
}


def objective_of(family, **fields):
    encoder, name, _ = RUNS[family]
    module = build_encoder({**encoder, **fields}, WORDS)
    run = Run(module, Spec({"text": WORDS}, 10), steps=5, batch_size=4)
    return build_objective({"name": name}, run)


@pytest.mark.parametrize("scan", [True, False])
@pytest.mark.parametrize("name", RUNS)
def test_there_and_back(name, scan):
    objective, family = objective_of(name, scan=scan), FAMILIES["hf"][name]
    family.require_counterpart(objective.run.encoder)
    shapes, _ = jax.eval_shape(objective.init_networks, jax.random.key(0))
    rng = np.random.default_rng(0)
    params = jax.tree.map(lambda x: rng.normal(size=x.shape).astype(np.float32), shapes)
    arrays = flat({part: params[part] for part in RUNS[name][2]}, {})
    rows = pairs(family.rows, list(arrays))
    assert sorted(path for row in rows for path in row.ours) == sorted(arrays)
    tensors = {row.theirs: row.store(arrays, ()) for row in rows}
    assert len(tensors) == len(rows) and family.anchor in tensors
    back = {path: one for row in rows for path, one in row.load(tensors[row.theirs]).items()}
    for path, one in arrays.items():
        np.testing.assert_array_equal(back[path], one)


@pytest.mark.parametrize("name", RUNS)
def test_the_config_that_is_written_is_read_as_the_same_encoder(name):
    objective, family = objective_of(name), FAMILIES["hf"][name]
    written = family.write(objective.run.encoder, objective, 0)
    plan = family.read(Given(written, "config.json"), {}, lambda one: one)
    found = build_encoder({**plan.encoder, "pool": objective.run.encoder.pool}, plan.field)
    free = ("kernel_init", "vocab", "special", "scan", "parent", "name", "token_types")
    for field in found.__dataclass_fields__:
        if field not in free:
            assert getattr(found, field) == getattr(objective.run.encoder, field), field
    assert plan.objective == {"name": RUNS[name][1]} and plan.field.vocab == WORDS.vocab


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        ("bert", {"embed_width": 8}, "Hugging Face's BERT has no counterpart of encoder.embed_wid"),
        ("roberta", {"position_offset": 0}, "encoder.position_offset=0; it has 2"),
        ("gpt2", {"positions": "sincos"}, "encoder.positions='sincos'; it has 'learned'"),
        ("bert", {"token_dropout": 0.12}, "encoder.token_dropout=0.12; it has 0.0"),
        ("esm", {"token_dropout": 0.3}, "encoder.token_dropout=0.3; it has 0.0"),
        ("albert", {"shared_layers": False}, "encoder.shared_layers=False; it has True"),
    ],
)
def test_an_encoder_without_a_counterpart_is_refused_by_its_field(name, fields, message):
    with pytest.raises(UserError, match=message):
        FAMILIES["hf"][name].require_counterpart(objective_of(name, **fields).run.encoder)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("bert", {"tie_word_embeddings": False}, "tie_word_embeddings=False; it must be true"),
        ("bert", {"num_attention_heads": 5}, "a divisor of hidden_size=16"),
        ("bert", {"position_embedding_type": "relative_key"}, "it must be one of absolute"),
        ("bert", {"hidden_act": "relu"}, "hidden_act='relu'; it must be one of gelu"),
        ("albert", {"num_hidden_groups": 2}, "num_hidden_groups=2; it must be 1"),
        ("gpt2", {"scale_attn_by_inverse_layer_idx": True}, "inverse_layer_idx=True; it must be"),
    ],
)
def test_a_model_of_another_kind_is_refused_by_its_key(name, change, message):
    objective, family = objective_of(name), FAMILIES["hf"][name]
    written = {**family.write(objective.run.encoder, objective, 0), **change}
    with pytest.raises(UserError, match=message):
        family.read(Given(written, "config.json"), {}, lambda one: one)
