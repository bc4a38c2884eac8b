"""What the language models of the last years differ in: norms, types, widths, shared layers."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.errors import UserError
from ssljax.models import build_encoder, stack_blocks
from ssljax.models.attention import attend
from ssljax.spec import Field
from tests.models.jitted import apply, init, scrambled
from tests.reference import models as reference

KEY = jax.random.key(0)
SPECIAL = (("cls", 1), ("sep", 2))
TEXT = Field("text", (12,), "int32", vocab=11, special=SPECIAL)
SMALL = {"name": "text_transformer", "width": 16, "depth": 2, "heads": 2, "length": 16}
IDS = jnp.array([[1, 5, 6, 2, 7, 8, 2, 0, 0, 0, 0, 0], [1, 3, 4, 5, 6, 7, 8, 9, 10, 3, 4, 2]])
SEGMENTS = jnp.array([[1] * 7 + [0] * 5, [1] * 12])


def build(**fields):
    module = build_encoder({**SMALL, **fields}, TEXT)
    return module, scrambled(init(module, KEY, IDS)[0])


def encode(module, params, ids=IDS, **kwargs):
    return apply(module, params, {}, ids, **{"train": False, **kwargs})[0]


def test_post_norm_and_factorised_embeddings_against_numpy():
    module, params = build(
        norm_first=False, embedding_norm=True, token_types=2, embed_width=6, scan=False
    )
    out = encode(module, params, segments=SEGMENTS)
    assert "norm" not in params["trunk"] and params["pos_embed"].shape == (16, 6)
    types = np.array([0, 0, 0, 0, 1, 1, 1])
    table, kinds = np.asarray(params["token_embed"]["embedding"]), np.asarray(params["type_embed"])
    x = table[np.asarray(IDS[0, :7])] + kinds[types] + np.asarray(params["pos_embed"])[:7]
    x = reference.layer_norm(x, **params["embedding_norm"])
    projection = params["embed_projection"]
    x = x @ np.asarray(projection["kernel"], np.float64) + projection["bias"]
    for i in range(2):
        block = params["trunk"][f"block_{i}"]
        x = reference.layer_norm(
            x + reference.attention(x, block["attention"], heads=2), **block["norm1"]
        )
        x = reference.layer_norm(x + reference.mlp(x, block["mlp"]), **block["norm2"])
    np.testing.assert_allclose(out.tokens[0, :7], x, atol=2e-4)
    np.testing.assert_allclose(out.pooled[0], x.mean(0), atol=2e-4)


def test_types_follow_from_the_first_end_token_of_each_segment():
    module, params = build(token_types=2)
    given = jnp.array([[0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1], [0] * 12])
    told = encode(module, params, types=given, segments=SEGMENTS)
    found = encode(module, params, segments=SEGMENTS)
    np.testing.assert_array_equal(found.tokens[0, :7], told.tokens[0, :7])
    np.testing.assert_array_equal(found.tokens[1], told.tokens[1])
    packed = jnp.array([[1] * 4 + [2] * 3 + [0] * 5, [1] * 12])  # one end token in each
    alone = encode(module, params, types=jnp.zeros((2, 12), jnp.int32), segments=packed)
    found = encode(module, params, segments=packed)
    np.testing.assert_array_equal(found.tokens[0, :7], alone.tokens[0, :7])


def test_shared_layers_are_the_same_block_again_and_again():
    scanned, params = build(shared_layers=True)
    unrolled, _ = build(shared_layers=True, scan=False)
    assert params["trunk"].keys() == {"shared", "norm"}
    assert stack_blocks(params["trunk"]) is params["trunk"]
    plain, _ = build(scan=False)
    blocks = {f"block_{i}": params["trunk"]["shared"] for i in range(2)}
    apart = {**params, "trunk": {**blocks, "norm": params["trunk"]["norm"]}}
    expected = encode(plain, apart).tokens
    for module in (scanned, unrolled):
        np.testing.assert_allclose(encode(module, params).tokens, expected, atol=1e-5)
    grads = jax.jit(jax.grad(lambda p: jnp.sum(jnp.sin(encode(scanned, p).tokens))))(params)
    others = jax.jit(jax.grad(lambda p: jnp.sum(jnp.sin(encode(plain, p).tokens))))(apart)
    total = jax.tree.map(jnp.add, *(others["trunk"][f"block_{i}"] for i in range(2)))
    close = functools.partial(np.testing.assert_allclose, atol=1e-4)
    jax.tree.map(close, grads["trunk"]["shared"], total)


def test_positions_may_begin_behind_an_offset():
    module, params = build(position_offset=2)
    assert params["pos_embed"].shape == (18, 16)
    plain, _ = build()
    same = {**params, "pos_embed": params["pos_embed"][2:]}
    np.testing.assert_array_equal(encode(module, params).tokens, encode(plain, same).tokens)


@pytest.mark.parametrize(("pool", "places"), [("first", (0, 0)), ("last", (6, 11))])
def test_features_may_be_a_token_of_the_text(pool, places):
    module, params = build(pool=pool)
    out = encode(module, params, segments=SEGMENTS)
    for row, place in enumerate(places):
        np.testing.assert_allclose(out.pooled[row], out.tokens[row, place], atol=1e-6)


@pytest.mark.parametrize("scan", [True, False])
def test_dropout_acts_in_training_alone_and_keeps_the_mean(scan):
    module, params = build(dropout=0.3, attention_dropout=0.2, scan=scan)
    plain, _ = build(scan=scan)
    np.testing.assert_array_equal(encode(module, params).tokens, encode(plain, params).tokens)
    one, other = (encode(module, params, train=True, key=jax.random.key(k)).tokens for k in (1, 2))
    assert not np.allclose(one, other, atol=1e-2)
    # Of two equal texts in a batch, too: two passes are two views.
    twice = encode(module, params, IDS[:1].repeat(2, axis=0), train=True, key=KEY).tokens
    assert not np.allclose(*twice, atol=1e-2)


def test_attention_dropout_against_its_definition():
    keys = jax.random.split(KEY, 3)
    q, k, v = (jax.random.normal(key, (2, 2, 6, 4)) for key in keys)
    found = attend(q, k, v, kernel="auto", dropout=0.25, dropout_key=KEY)
    weights = jax.nn.softmax(jnp.einsum("bhnd,bhmd->bhnm", q, k) / 2)
    kept = jax.random.bernoulli(KEY, 0.75, weights.shape)
    expected = jnp.einsum("bhnm,bhmd->bhnd", weights * kept / 0.75, v)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    with pytest.raises(UserError, match="attention_dropout=0.25 needs encoder.attention='xla'"):
        attend(q, k, v, kernel="splash", dropout=0.25, dropout_key=KEY)


def test_a_teacher_has_no_dropout():
    from ssljax.models import without_drop_path

    module, _ = build(dropout=0.3, attention_dropout=0.2)
    quiet = without_drop_path(module)
    assert quiet.dropout == quiet.attention_dropout == 0


def test_gpt_2_starts_the_last_kernels_smaller_by_the_depth():
    module = build_encoder({**SMALL, "width": 64, "kernel_init": "normal_by_whole_depth"}, TEXT)
    block = init(module, KEY, IDS)[0]["trunk"]["blocks"]
    for kernel, std in ((block["mlp"]["fc1"], 0.02), (block["mlp"]["fc2"], 0.01)):
        np.testing.assert_allclose(np.std(kernel["kernel"]), std, rtol=0.05)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"norm_first": False, "norm_pooled": True}, "norm_pooled=True needs encoder.norm_first"),
        ({"attention_dropout": 0.1, "attention": "splash"}, "encoder.attention='auto' or 'xla'"),
        ({"pool": "first", "causal": True}, "set encoder.pool='last' or 'mean'"),
        ({"class_token": True, "embed_width": 4}, "with encoder.embed_width or"),
        ({"shared_layers": True, "kernel_init": "truncated_by_depth"}, "differs between layers"),
        ({"special": ()}, "unknown config key"),
    ],
)
def test_fields_that_do_not_fit_are_refused(fields, message):
    with pytest.raises(UserError, match=message):
        build(**fields)


def test_token_dropout_is_that_of_each_text_of_a_row():
    """Masks (id 10) are 0, others scaled by .88 / (1 - their share); a packed row as its texts."""
    fields = {"positions": "sincos", "pool": "mean", "token_dropout": 0.12}
    field = TEXT.replace(special=(*SPECIAL, ("mask", 10)))
    module = build_encoder({**SMALL, **fields}, field)
    plain = build_encoder({**SMALL, **fields, "token_dropout": 0.0}, field)
    params = scrambled(init(module, KEY, IDS)[0])
    ids = jnp.array([[1, 10, 5, 2, 1, 6, 7, 10, 10, 2, 10, 10]])
    segments = jnp.array([[1] * 4 + [2] * 6 + [0] * 2])
    packed = encode(module, params, ids, segments=segments).tokens[0]
    for start, stop, hidden in ((0, 4, 1), (4, 10, 2)):
        alone = encode(module, params, ids[:, start:stop]).tokens[0]
        np.testing.assert_allclose(packed[start:stop], alone, atol=1e-5)
        scale = 0.88 / (1 - hidden / (stop - start))
        rows = jnp.asarray(params["token_embed"]["embedding"] * scale)
        scaled = {**params, "token_embed": {"embedding": rows.at[10].set(0)}}
        by_hand = encode(plain, scaled, ids[:, start:stop]).tokens[0]
        np.testing.assert_allclose(alone, by_hand, atol=1e-5)
    all_hidden = encode(module, params, jnp.full((1, 4), 10)).tokens
    assert np.isfinite(all_hidden).all()
    with pytest.raises(UserError, match="token_dropout=0.12 needs a mask token"):
        build(token_dropout=0.12)
