"""AST: every array has a row and comes back, the encoder is that of its config, its tokens lie on
the times and bands of their patches."""

import dataclasses

import jax
import numpy as np
import pytest

from ssljax.errors import UserError
from ssljax.hub.families import FAMILIES
from ssljax.hub.flat import flat
from ssljax.hub.given import Given
from ssljax.hub.table import pairs
from ssljax.models import build_encoder
from ssljax.objectives import build_objective
from ssljax.spec import Spectrogram
from tests.models.jitted import apply, init, scrambled
from tests.objectives.conftest import trial

FAMILY = FAMILIES["hf"]["audio-spectrogram-transformer"]
FORM = Spectrogram(bands=10, window=20, hop=10, low=0.0)
FIELDS = {
    "name": "ast",
    "width": 8,
    "depth": 2,
    "heads": 2,
    "patch_size": 4,
    "time_stride": 2,
    "band_stride": 3,
    "frames": 16,
    "bands": 10,
}
X = np.random.default_rng(0).normal(size=(2, 16, 10)).astype(np.float32)


def made(**fields):
    encoder = build_encoder({**FIELDS, **fields})
    params, _ = init(encoder, jax.random.key(0), X)
    return encoder, scrambled(params)


@pytest.mark.parametrize("scan", [True, False])
def test_there_and_back(scan):
    encoder, params = made(scan=scan)
    FAMILY.require_counterpart(encoder)
    arrays = flat({"encoder": params}, {})
    rows = pairs(FAMILY.rows, list(arrays))
    assert sorted(path for row in rows for path in row.ours) == sorted(arrays)
    tensors = {row.theirs: row.store(arrays, 1) for row in rows}
    assert len(tensors) == len(rows) and FAMILY.anchor in tensors
    assert tensors["embeddings.patch_embeddings.projection.weight"].shape == (8, 1, 4, 4)
    assert tensors["embeddings.position_embeddings"].shape == (1, 2 + 7 * 3, 8)
    back = {path: one for row in rows for path, one in row.load(tensors[row.theirs]).items()}
    for path, one in arrays.items():
        np.testing.assert_array_equal(back[path], one)


def test_the_config_that_is_written_is_read_as_the_same_encoder():
    encoder, _ = made()
    plan = FAMILY.read(Given(FAMILY.write(encoder, None, 0), "config.json"), {}, lambda one: one)
    found = build_encoder(plan.encoder, plan.field)
    for field in found.__dataclass_fields__:
        if field not in ("parent", "name"):
            assert getattr(found, field) == getattr(encoder, field), field
    assert plan.field.shape == (16 * 160,) and plan.field.spectrogram.frames(16 * 160) == 16
    written = FAMILY.write(encoder, None, 0) | {"num_attention_heads": 3}
    with pytest.raises(UserError, match="num_attention_heads=3; it must be a divisor"):
        FAMILY.read(Given(written, "config.json"), {}, lambda one: one)


def test_a_token_is_of_its_own_patch_and_position():
    """Without a block's mixing: what the stem gives of a patch, at its time and band."""
    encoder, params = made()
    assert encoder.grid((16, 10)) == (7, 3)
    whole, _ = apply(encoder, params, {}, X, train=False)
    assert whole.tokens.shape == (2, 21, 8) and whole.pooled.shape == (2, 8)
    kernel, bias = (params["patch_embed"][name] for name in ("kernel", "bias"))
    table = params["pos_embed"]
    # Blocks of zeros let tokens pass as they are, and the last norm standardises them.
    still = jax.tree.map(np.zeros_like, params["trunk"])
    still["norm"]["scale"] += 1
    found, _ = apply(encoder, {**params, "trunk": still}, {}, X, train=False)
    for time, band in ((0, 0), (2, 1), (6, 2)):
        patch = X[:, 2 * time : 2 * time + 4, 3 * band : 3 * band + 4]
        own = np.einsum("btf,tfd->bd", patch, kernel[:, :, 0]) + bias
        own = own + table[2 + band * 7 + time]  # bands before times, as transformers keeps them
        own = (own - own.mean(1, keepdims=True)) / own.std(1, keepdims=True)
        np.testing.assert_allclose(found.tokens[:, 3 * time + band], own, rtol=1e-4, atol=1e-4)


def test_shorter_sounds_take_the_first_positions_and_others_are_refused():
    encoder, params = made()
    short, _ = apply(encoder, params, {}, X[:, :12], train=False)
    assert short.tokens.shape == (2, 15, 8)
    for shape, found in (((20, 10), "20 and 10"), ((16, 8), "16 and 8"), ((3, 10), "3 and 10")):
        with pytest.raises(UserError, match=f"those here have {found}"):
            encoder.grid(shape)
    with pytest.raises(UserError, match="encoder.registers=2: AST has a class and a distillation"):
        build_encoder({**FIELDS, "registers": 2})


@pytest.mark.parametrize("name", ["mae", "tera"])
def test_overlapping_patches_are_not_reconstructed(name):
    run = dataclasses.replace(trial("mae, audio").objective.run, encoder=made()[0])
    field = run.field.replace(shape=(160,), mean=(0.0,) * 10, std=(1.0,) * 10, spectrogram=FORM)
    run = dataclasses.replace(run, spec=run.spec.replace(audio=field))
    with pytest.raises(UserError, match="the patches of config.encoder overlap"):
        build_objective({"name": name}, run).networks  # noqa: B018
