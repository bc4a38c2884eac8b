"""Encoders of every kind of data: one interface, masks and positions included."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.errors import UserError
from ssljax.models import build_encoder
from ssljax.spec import Field
from tests.models.jitted import apply, init, scrambled

KEY = jax.random.key(0)
TRUNK = {"width": 16, "depth": 2, "heads": 2}
TABLE = Field("table", (4,), "float32", cardinalities=(0, 3, 0, 2))
TEXT = Field("text", (12,), "int32", vocab=11)


def normal(*shape):
    return np.asarray(jax.random.normal(KEY, shape))


# config, the data's field, a batch, the grid of its tokens
CASES = {
    "image": (
        {"name": "vit", "patch_size": 4, "image_size": [8, 12]},
        None,
        normal(2, 8, 12, 3),
        (2, 3),
    ),
    "series": ({"name": "series_transformer", "patch_size": 4}, None, normal(2, 24, 3), (6,)),
    "table": (
        {"name": "table_transformer"},
        TABLE,
        np.array([[0.3, 2, -1.0, 1], [1.5, 0, 0.2, 0]], np.float32),
        (4,),
    ),
    "video": (
        {"name": "video_transformer", "patch_size": 4, "tubelet": 2, "image_size": 8, "frames": 6},
        None,
        normal(2, 6, 8, 8, 3),
        (3, 2, 2),
    ),
    "text": (
        {"name": "text_transformer", "length": 16},
        TEXT,
        np.arange(24, dtype=np.int32).reshape(2, 12) % 11,
        (12,),
    ),
    "audio": (
        {"name": "audio_transformer", "patch_time": 4, "patch_bands": 8, "frames": 12, "bands": 16},
        None,
        normal(2, 12, 16),
        (3, 2),
    ),
    "wave": ({"name": "wave_transformer", "channels": 8}, None, normal(2, 1680), (5,)),
}


def build(name, **fields):
    config, field, x, grid = CASES[name]
    return build_encoder({**TRUNK, **config, **fields}, field), x, grid


def fresh(module, x):
    return scrambled(init(module, KEY, x)[0])


def encode(module, params, x, **kwargs):
    return jax.device_get(apply(module, params, {}, x, **{"train": False, **kwargs})[0])


@pytest.mark.parametrize("name", CASES)
def test_every_encoder_has_the_one_interface(name):
    """A grid, tokens on it, and the same for tokens that are kept or hidden."""
    module, x, grid = build(name)
    assert module.modality == {"wave": "audio"}.get(name, name)
    assert module.grid(x.shape[1:]) == grid
    assert module.patch == () or len(module.patch) == len(grid)
    params = fresh(module, x)
    count = math.prod(grid)
    out = encode(module, params, x, mlp_outputs=True)
    assert out.tokens.shape == (2, count, 16) and out.pooled.shape == (2, 16)
    assert out.mlp_outputs.shape == (2, 2, count, 16)
    if not module.class_token:
        np.testing.assert_allclose(out.pooled, out.tokens.mean(1), atol=1e-5)

    order = np.random.default_rng(0).permuted(np.tile(np.arange(count), (2, 1)), axis=1)
    kept = encode(module, params, x, keep=order)
    expected = np.take_along_axis(out.tokens, order[:, :, None], 1)
    np.testing.assert_allclose(kept.tokens, expected, atol=1e-4)
    some = encode(module, params, x, keep=order[:, :2])
    twice = encode(module, params, x, keep=np.stack([order[:, :2], order[:, 1:3]], axis=1))
    np.testing.assert_allclose(twice.tokens[::2], some.tokens, atol=1e-5)

    # What is hidden has no influence, and the token that hides it has.
    masked = np.tile(np.arange(count) == 0, (2, 1))
    other = x.copy()
    other[:, 0] = x[:, 1 if name == "table" else -1]
    token = np.arange(16, dtype=np.float32)
    hidden = encode(module, params, x, masked=masked, mask_token=token)
    assert not np.allclose(hidden.tokens, out.tokens, atol=1e-3)
    if len(grid) == 1 and name not in ("wave", "series"):
        changed = encode(module, params, other, masked=masked, mask_token=token)
        np.testing.assert_array_equal(changed.tokens, hidden.tokens)
    zero = encode(module, params, x, masked=masked, mask_token=np.zeros(16, np.float32))
    assert not np.allclose(hidden.pooled, zero.pooled, atol=1e-4)


@pytest.mark.parametrize("positions", ["learned", "sincos", "rotary"])
@pytest.mark.parametrize("name", ["image", "series", "video", "text"])
def test_positions_of_any_rank_tell_tokens_apart(name, positions):
    """A constant input gives different tokens only where positions say so."""
    module, x, grid = build(name, positions=positions)
    same = np.ones_like(x)
    params = fresh(module, x)
    varied = encode(module, params, x).tokens
    order = np.arange(math.prod(grid))[::-1][None].repeat(2, 0)
    np.testing.assert_allclose(
        encode(module, params, x, keep=order).tokens, varied[:, ::-1], atol=1e-4
    )
    tokens = encode(module, params, same).tokens[0]
    if positions != "rotary":  # which turns equal keys: the mean of equal values is the same
        assert len(np.unique(tokens.round(4), axis=0)) == len(tokens)
    none, _, _ = build(name, positions="none")
    if positions == "rotary":
        plain = encode(none, params, x).tokens
        assert not np.allclose(plain, varied, atol=1e-3)
        tokens = encode(none, params, same).tokens[0]
        np.testing.assert_allclose(tokens, tokens[:1].repeat(len(tokens), 0), atol=1e-5)


def test_rotary_positions_see_differences_alone():
    """A series that starts later, all else equal, has the same tokens."""
    module, x, _ = build("series", positions="rotary")
    params = fresh(module, x)
    late = np.concatenate([x[:, -8:], x], axis=1)
    keep = np.arange(2, 8)[None].repeat(2, 0)
    np.testing.assert_allclose(
        encode(module, params, late, keep=keep).tokens, encode(module, params, x).tokens, atol=1e-4
    )


@pytest.mark.parametrize("positions", ["learned", "sincos", "rotary", "none"])
@pytest.mark.parametrize("name", ["series", "text"])
def test_padding_has_no_influence(name, positions):
    module, x, grid = build(name, positions=positions)
    params, real = fresh(module, x), x.shape[1] - x.shape[1] // grid[0] * 2
    segments = (np.arange(x.shape[1]) < real).astype(np.int32)[None].repeat(2, 0)
    alone = encode(module, params, x[:, :real])
    for filler in (x, np.flip(x, 1)):
        padded = np.where(segments.reshape(segments.shape + (1,) * (x.ndim - 2)) > 0, x, filler)
        out = encode(module, params, padded, segments=segments)
        np.testing.assert_allclose(out.tokens[:, : grid[0] - 2], alone.tokens, atol=1e-4)
        np.testing.assert_allclose(out.pooled, alone.pooled, atol=1e-4)


def test_padding_of_a_spectrogram_is_along_time():
    module, x, _ = build("audio")
    params = fresh(module, x)
    segments = (np.arange(12) < 8).astype(np.int32)[None].repeat(2, 0)
    out, alone = encode(module, params, x, segments=segments), encode(module, params, x[:, :8])
    np.testing.assert_allclose(out.tokens[:, :4], alone.tokens, atol=1e-4)
    np.testing.assert_allclose(out.pooled, alone.pooled, atol=1e-4)


@pytest.mark.parametrize("positions", ["learned", "sincos", "rotary"])
@pytest.mark.parametrize("causal", [False, True])
def test_packed_examples_do_not_see_each_other(positions, causal):
    module, x, _ = build("text", positions=positions, causal=causal)
    params = fresh(module, x)
    segments = np.array([[1] * 5 + [2] * 4 + [0] * 3, [1] * 2 + [2] * 10], np.int32)
    out = encode(module, params, x, segments=segments).tokens
    for row, start, stop in ((0, 0, 5), (0, 5, 9), (1, 0, 2), (1, 2, 12)):
        alone = encode(module, params, x[row : row + 1, start:stop]).tokens[0]
        np.testing.assert_allclose(out[row, start:stop], alone, atol=1e-4)


def test_a_causal_encoder_does_not_see_what_follows():
    module, x, _ = build("series", causal=True)
    params = fresh(module, x)
    later = np.where(np.arange(x.shape[1])[:, None] < 12, x, 0)
    one, other = encode(module, params, x).tokens, encode(module, params, later).tokens
    np.testing.assert_allclose(one[:, :3], other[:, :3], atol=1e-5)
    assert not np.allclose(one[:, 3:], other[:, 3:], atol=1e-2)
    both, _, _ = build("series")
    assert not np.allclose(encode(both, params, x).tokens[:, :3], one[:, :3], atol=1e-3)


def test_the_start_of_learned_positions_counts_time():
    """A shorter series takes the first positions; one that is too long is refused."""
    fields = {"positions": "learned", "length": 16, "depth": 1}
    module, x, _ = build("series", **fields)
    params = fresh(module, x[:, :16])
    assert params["pos_embed"].shape == (4, 16)
    whole = encode(module, params, x[:, :16], keep=np.array([[0, 1], [0, 1]]))
    short = encode(module, params, x[:, :8])
    np.testing.assert_allclose(whole.tokens, short.tokens, atol=1e-5)
    with pytest.raises(UserError, match="has 6 tokens.*made for 4; set encoder.length"):
        encode(module, params, x)


def test_learned_positions_of_images_that_are_not_square():
    module, x, _ = build("image")
    params = fresh(module, x)
    assert params["pos_embed"].shape == (1 + 2 * 3, 16)
    out = encode(module, params, normal(2, 12, 8, 3))  # another grid, positions resampled
    assert out.tokens.shape == (2, 6, 16) and np.isfinite(out.tokens).all()


def test_a_video_is_longer_in_time_and_finer_in_space():
    module, x, _ = build("video", positions="learned")
    params = fresh(module, x)
    assert params["pos_embed"].shape == (12, 16)
    assert encode(module, params, normal(2, 4, 16, 8, 3)).tokens.shape == (2, 2 * 4 * 2, 16)
    with pytest.raises(UserError, match="made for 3 x 2 x 2; set encoder.length or encoder.frames"):
        encode(module, params, normal(2, 8, 8, 8, 3))


def test_columns_are_numbers_times_vectors_and_rows_of_tables():
    module, x, _ = build("table", class_token=False, pool="mean", depth=1)
    stem = fresh(module, x)["column_embed"]
    assert stem["weight"].shape == (2, 16) and stem["embedding"].shape == (5, 16)
    from ssljax.models.stems import ColumnEmbed

    embed = ColumnEmbed(TABLE.cardinalities, 16, jnp.float32)
    tokens = jax.jit(embed.apply)({"params": stem}, x)
    for b in range(2):
        values = np.asarray(x[b])
        rows = [
            values[0] * stem["weight"][0],
            stem["embedding"][int(values[1])],
            values[2] * stem["weight"][1],
            stem["embedding"][3 + int(values[3])],
        ]
        np.testing.assert_allclose(tokens[b], np.stack(rows) + stem["bias"], atol=1e-5)


def test_table_mlp_is_linear_layers_of_one_hot_rows():
    module = build_encoder({"name": "table_mlp", "hidden": [5, 6]}, TABLE)
    x = CASES["table"][2]
    params = fresh(module, x)
    out = encode(module, params, x)
    one_hot = np.stack([[0.3, 0, 0, 1, -1.0, 0, 1], [1.5, 1, 0, 0, 0.2, 1, 0]])
    for i in range(2):
        layer = params[f"linear_{i}"]
        one_hot = np.maximum(one_hot @ np.asarray(layer["kernel"], np.float64) + layer["bias"], 0)
    np.testing.assert_allclose(out.pooled, one_hot, atol=1e-5)
    assert out.tokens.shape == (2, 1, 6)


class TestTS2Vec:
    def build(self, **fields):
        return build_encoder({"name": "ts2vec", "hidden": 4, "out": 6, "depth": 2, **fields})

    def test_parameter_count_of_the_official_model(self):
        """Sum by hand: input 7 64 + 64; 20 convolutions 3 64 64 + 64; the last block to 320."""
        module = build_encoder({"name": "ts2vec"})
        params, _ = jax.eval_shape(lambda: init(module, KEY, jnp.zeros((1, 9, 7))))
        conv = 3 * 64 * 64 + 64
        last = (3 * 64 + 1) * 320 + (3 * 320 + 1) * 320 + 65 * 320
        assert sum(leaf.size for leaf in jax.tree.leaves(params)) == 8 * 64 + 20 * conv + last

    def test_against_numpy(self):
        module, x = self.build(), normal(2, 9, 3)
        params = scrambled(init(module, KEY, x)[0])
        out = encode(module, params, x)
        value = np.asarray(x, np.float64) @ params["input"]["kernel"] + params["input"]["bias"]
        for i in range(3):
            short = value
            if i == 2:
                short = value @ params["shortcut"]["kernel"] + params["shortcut"]["bias"]
            for j in (1, 2):
                layer = params[f"block_{i}_conv_{j}"]
                active = value * 0.5 * (1 + np.vectorize(math.erf)(value / math.sqrt(2)))
                wide = np.pad(active, ((0, 0), (2**i, 2**i), (0, 0)))
                value = layer["bias"] + sum(
                    wide[:, tap * 2**i : tap * 2**i + 9] @ np.asarray(layer["kernel"][tap])
                    for tap in range(3)
                )
            value = value + short
        np.testing.assert_allclose(out.tokens, value, rtol=1e-3, atol=1e-3)
        np.testing.assert_allclose(out.pooled, value.max(1), rtol=1e-3, atol=1e-3)

    def test_hidden_unknown_and_padded_steps(self):
        module, x = self.build(), normal(2, 12, 3)
        params = scrambled(init(module, KEY, x)[0])
        masked = np.tile(np.arange(12) == 5, (2, 1))
        one = encode(module, params, x, masked=masked).tokens
        other, unknown = x.copy(), x.copy()
        other[:, 5], unknown[:, 5, 1] = 9, np.nan
        np.testing.assert_array_equal(one, encode(module, params, other, masked=masked).tokens)
        np.testing.assert_array_equal(one, encode(module, params, unknown).tokens)
        segments = (np.arange(12) < 7).astype(np.int32)[None].repeat(2, 0)
        padded = encode(module, params, x, segments=segments)
        np.testing.assert_allclose(padded.pooled, padded.tokens[:, :7].max(1), atol=1e-6)
        filled = np.where(segments[..., None] > 0, x, 3)
        other = encode(module, params, filled, segments=segments)
        np.testing.assert_array_equal(padded.pooled, other.pooled)
        empty = encode(module, params, x, segments=np.zeros_like(segments))
        assert np.isfinite(empty.pooled).all()

    def test_dropout_acts_in_training_alone(self):
        module, x = self.build(dropout=0.5), normal(2, 50, 3)
        params = init(module, KEY, x)[0]
        tokens = encode(module, params, x, train=True, key=KEY).tokens
        assert 0.3 < float((tokens == 0).mean()) < 0.7
        assert not (encode(module, params, x).tokens == 0).any()


def test_frames_of_a_waveform_are_those_of_its_convolutions():
    """A sample changes the frames whose 400 samples hold it, and with the first normalisation over
    time all of them a little; frames come every 320 samples."""
    module, x, _ = build("wave")
    params = fresh(module, x)
    assert params["wave_embed"]["conv_0"]["kernel"].shape == (10, 1, 8)
    for samples, frames in ((400, 1), (719, 1), (720, 2), (16000, 49)):
        assert module.grid((samples,)) == (frames,)
    assert encode(module, params, x).tokens.shape == (2, 5, 16)


@pytest.mark.parametrize(
    ("config", "field", "shape", "message"),
    [
        ({"name": "vit"}, None, (225, 224, 3), "encoder.patch_size=16 must divide the 225 rows"),
        ({"name": "vit"}, None, (224, 3), r"takes images \[H, W, C\], got \[224, 3\]"),
        ({"name": "series_transformer"}, None, (9, 1), "encoder.patch_size=8 .* the 9 steps"),
        ({"name": "series_transformer"}, None, (9,), r"takes series \[T, C\]"),
        ({"name": "ts2vec"}, None, (9,), r"takes series \[T, C\]"),
        ({"name": "video_transformer"}, None, (3, 32, 32, 3), "encoder.tubelet=2 .* the 3 frames"),
        ({"name": "video_transformer"}, None, (2, 32, 8, 3), "encoder.patch_size=16 .* 8 columns"),
        ({"name": "audio_transformer"}, None, (32, 24), "encoder.patch_bands=16 .* the 24 bands"),
        ({"name": "wave_transformer"}, None, (399,), "of at least 400 samples"),
        ({"name": "table_transformer"}, TABLE, (5,), "names the kinds of 4 columns"),
        ({"name": "text_transformer"}, None, (5,), "a vocabulary of 0"),
    ],
)
def test_examples_that_do_not_fit_are_refused(config, field, shape, message):
    with pytest.raises(UserError, match=message):
        build_encoder(config, field).grid(shape)


@pytest.mark.parametrize(
    ("config", "field", "message"),
    [
        (
            {"name": "vit_s"},
            TABLE,
            "encoder.name='vit_s' encodes image data, and the data are of the modality table",
        ),
        ({"name": "table_mlp", "cardinalities": (2,)}, None, "unknown config key"),
        ({"name": "series_transformer", "heads": 5}, None, "heads=5 must divide encoder.width=64"),
        (
            {"name": "vit_s", "positions": "rotary", "heads": 192},
            None,
            "must be even and at least 4",
        ),
        (
            {"name": "text_transformer", "causal": True, "pool": "cls", "class_token": True},
            TEXT,
            "needs encoder.causal=False",
        ),
    ],
)
def test_configs_that_do_not_fit_are_refused(config, field, message):
    with pytest.raises(UserError, match=message):
        build_encoder(config, field)


@pytest.mark.parametrize("name", ["table", "video"])
def test_the_same_on_eight_devices_and_in_parts(name):
    from jax.sharding import Mesh, NamedSharding, PartitionSpec

    module, x, _ = build(name)
    x = np.tile(x, (4,) + (1,) * (x.ndim - 1))
    params = fresh(module, x)
    mesh = Mesh(np.array(jax.devices()), ("data",))
    sharded = jax.device_put(x, NamedSharding(mesh, PartitionSpec("data")))
    whole = encode(module, params, x)
    np.testing.assert_allclose(encode(module, params, sharded).tokens, whole.tokens, atol=1e-5)
    parts, _, _ = build(name, grad_cache=4)
    np.testing.assert_allclose(
        encode(parts, params, x, train=True, key=KEY).tokens, whole.tokens, atol=1e-5
    )
