"""Mapping tables of waveform models: every array has a row, and comes back as it was."""

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
from tests.objectives.cases import CASES
from tests.objectives.conftest import EXAMPLES, WAVES

LARGE = {
    "norm_first": True,
    "embedding_norm": False,
    "convolution_norm": "layer",
    "convolution_bias": True,
}
HEADS = ("quantizer", "context_projector", "target_projector")
# The case, fields of its encoder, and the parts beside encoder and mask token that a file has.
RUNS = {
    "wav2vec2": ("wav2vec2", {}, HEADS),
    "wav2vec2 large": ("wav2vec2", LARGE, HEADS),
    "hubert": ("hubert", {}, ()),
    "data2vec-audio": ("data2vec", {}, ()),
}


def objective_of(name, **fields):
    case, own, _ = RUNS[name]
    encoder, section = CASES[case]
    module = build_encoder({**encoder, **own, "norm_epsilon": 1e-5, **fields}, WAVES)
    return build_objective(section, Run(module, Spec({"audio": WAVES}, EXAMPLES), 5, 4))


@pytest.mark.parametrize("scan", [True, False])
@pytest.mark.parametrize("name", RUNS)
def test_there_and_back(name, scan):
    objective, family = objective_of(name, scan=scan), FAMILIES["hf"][name.partition(" ")[0]]
    family.require_counterpart(objective.run.encoder)
    shapes, _ = jax.eval_shape(objective.init_networks, jax.random.key(0))
    rng = np.random.default_rng(0)
    params = jax.tree.map(lambda x: rng.normal(size=x.shape).astype(np.float32), shapes)
    arrays = flat({part: params[part] for part in ("encoder", "mask_token", *RUNS[name][2])}, {})
    rows = pairs(family.rows, list(arrays))
    assert sorted(path for row in rows for path in row.ours) == sorted(arrays)
    tensors = {row.theirs: row.store(arrays, 1) for row in rows}
    assert len(tensors) == len(rows) and family.anchor in tensors
    back = {path: one for row in rows for path, one in row.load(tensors[row.theirs]).items()}
    for path, one in arrays.items():
        np.testing.assert_array_equal(back[path], one)


@pytest.mark.parametrize("name", RUNS)
def test_the_config_that_is_written_is_read_as_the_same_encoder(name):
    objective, family = objective_of(name), FAMILIES["hf"][name.partition(" ")[0]]
    written = family.write(objective.run.encoder, objective, 0)
    plan = family.read(Given(written, "config.json"), {}, lambda one: one)
    found = build_encoder(plan.encoder, plan.field)
    free = ("kernel_init", "scan", "parent", "name", "feature_gradient")
    for field in found.__dataclass_fields__:
        if field not in free:
            assert getattr(found, field) == getattr(objective.run.encoder, field), field
    assert plan.objective["name"] == RUNS[name][0] and plan.field.rate == 16_000
    for field, value in plan.objective.items():
        if name.startswith("wav2vec2") and field not in ("name", "feature_dropout"):
            assert value == getattr(objective, field), field


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("conv_kernel", [10, 3, 3, 3, 3, 2, 3], "conv_kernel=.* must be"),
        ("add_adapter", True, "add_adapter=True; it must be false"),
        ("feat_extract_norm", "batch", "feat_extract_norm='batch'; it must be one of group, layer"),
        ("feat_extract_activation", "relu", "feat_extract_activation='relu'"),
    ],
)
def test_other_models_are_refused(key, value, message):
    family, objective = FAMILIES["hf"]["wav2vec2"], objective_of("wav2vec2")
    written = family.write(objective.run.encoder, objective, 0) | {key: value}
    with pytest.raises(UserError, match=message):
        family.read(Given(written, "config.json"), {}, lambda one: one)
    with pytest.raises(UserError, match="no counterpart of encoder.positions='sincos'"):
        family.require_counterpart(objective_of("wav2vec2", positions="sincos").run.encoder)
