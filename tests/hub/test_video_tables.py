"""Mapping tables of videos: every array of a run has a row, and comes back as it was."""

import jax
import numpy as np
import pytest

from ssljax.errors import UserError
from ssljax.hub.families import FAMILIES
from ssljax.hub.flat import flat
from ssljax.hub.given import Given
from ssljax.hub.table import absent, pairs
from ssljax.models import build_encoder
from ssljax.objectives import Run, build_objective
from ssljax.spec import Spec
from tests.models.jitted import apply, init
from tests.objectives.cases.masked import DECODER
from tests.objectives.cases.video import CASES, TRANSFORMER
from tests.objectives.conftest import VIDEO

MAE = {"name": "mae", "tubes": True, **DECODER, "decoder_summary": False}
RUNS = {
    "videomae": ({**TRANSFORMER, "positions": "sincos_numbered"}, MAE),
    "vjepa2": CASES["i_jepa, video"],
}


def objective_of(family, encoder=(), **section):
    fields, own = RUNS[family]
    run = Run(
        build_encoder({**fields, **dict(encoder)}, VIDEO),
        Spec({"video": VIDEO}, 10),
        steps=5,
        batch_size=4,
    )
    return build_objective({**own, **section}, run)


@pytest.mark.parametrize("scan", [True, False])
@pytest.mark.parametrize("name", RUNS)
def test_there_and_back(name, scan):
    objective, family = objective_of(name, {"scan": scan}), FAMILIES["hf"][name]
    family.require_counterpart(objective.run.encoder)
    patch = objective.run.encoder.patch
    shapes, _ = jax.eval_shape(objective.init_networks, jax.random.key(0))
    rng = np.random.default_rng(0)
    arrays = flat(jax.tree.map(lambda x: rng.normal(size=x.shape).astype(np.float32), shapes), {})
    rows, without = pairs(family.rows, list(arrays)), absent(family.rows, list(arrays))
    assert all(path.endswith("key/bias") for path in without)
    assert len(without) == (2 + 1 if name == "videomae" else 0)  # blocks of encoder and decoder
    assert sorted([*(path for row in rows for path in row.ours), *without]) == sorted(arrays)
    tensors = {row.theirs: row.store(arrays, patch) for row in rows}
    assert len(tensors) == len(rows) and family.anchor in tensors
    assert tensors[family.anchor].shape == (
        16,
        1,
        2,
        4,
        4,
    )  # width, channels, frames, rows, columns
    back = {path: one for row in rows for path, one in row.load(tensors[row.theirs]).items()}
    for path, one in back.items():
        np.testing.assert_array_equal(arrays[path], one)


@pytest.mark.parametrize("name", RUNS)
def test_the_config_that_is_written_is_read_as_the_same_run(name):
    objective, family = objective_of(name), FAMILIES["hf"][name]
    written = family.write(objective.run.encoder, objective, 1)
    plan = family.read(Given(written, "config.json"), {}, lambda one: one)
    found = build_encoder({**plan.encoder, "kernel_init": "xavier"}, plan.field)
    assert found == objective.run.encoder.clone(scan=found.scan)
    run = Run(found, Spec({"video": plan.field}, 10), steps=5, batch_size=4)
    again = build_objective({**plan.objective, "tubes": RUNS[name][1]["tubes"]}, run)
    assert again.networks == objective.networks


def test_a_bias_of_keys_changes_nothing():
    """Why VideoMAE, which has none, is exported without it."""
    encoder = build_encoder(TRANSFORMER, VIDEO)
    x = np.random.default_rng(0).normal(size=(2, 4, 8, 8, 1)).astype(np.float32)
    params, _ = init(encoder, jax.random.key(0), x)
    before, _ = apply(encoder, params, {}, x, train=False)
    params["trunk"]["blocks"]["attention"]["key"]["bias"] += 3.0
    after, _ = apply(encoder, params, {}, x, train=False)
    np.testing.assert_allclose(after.tokens, before.tokens, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "encoder", "section", "message"),
    [
        ("videomae", {}, {"decoder_summary": True}, "counterpart of objective.decoder_summary"),
        ("videomae", {"positions": "sincos"}, {}, "counterpart of encoder.positions='sincos'"),
        ("vjepa2", {"positions": "rotary"}, {}, "counterpart of encoder.positions='rotary'"),
        ("vjepa2", {}, {"mask_tokens": 1}, "counterpart of objective.mask_tokens=1"),
        ("vjepa2", {"image_size": (8, 16)}, {}, "videos are square"),
    ],
)
def test_what_has_no_counterpart_is_refused(name, encoder, section, message):
    objective, family = objective_of(name, encoder, **section), FAMILIES["hf"][name]
    with pytest.raises(UserError, match=message):
        family.require_counterpart(objective.run.encoder)
        family.write(objective.run.encoder, objective, 1)


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("videomae", {"qv_bias": False}, "qv_bias=False; it must be true"),
        ("videomae", {"decoder_intermediate_size": 9}, "it must be 4 decoder_hidden_size"),
        ("videomae", {"num_frames": 5}, "tubelet_size=2; it must be a divisor of num_frames=5"),
        ("vjepa2", {"crop_size": 9}, "patch_size=4; it must be a divisor of crop_size=9"),
        ("vjepa2", {"hidden_act": "silu"}, "hidden_act='silu'; it must be one of"),
        ("vjepa2", {"pred_num_mask_tokens": 1}, "it must be a whole number above 1"),
        ("vjepa2", {"pred_mlp_ratio": 2}, "pred_mlp_ratio=2; it must be 4"),
    ],
)
def test_configs_that_cannot_be_read_name_the_key(name, changes, message):
    objective, family = objective_of(name), FAMILIES["hf"][name]
    written = {**family.write(objective.run.encoder, objective, 1), **changes}
    with pytest.raises(UserError, match=message):
        family.read(Given(written, "config.json"), {}, lambda one: one)
