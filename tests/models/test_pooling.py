"""What encoders make one vector of: the last token of a text, a query among those of an image."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import erf

from ssljax.errors import UserError
from ssljax.models import build_encoder
from ssljax.models.pooling import AttentionPool
from ssljax.spec import Field
from tests.models.jitted import apply, init, scrambled

KEY = jax.random.key(0)
TEXT = Field("text", (6,), "int32", vocab=11)
SMALL = {"name": "text_transformer", "length": 8, "width": 8, "depth": 1, "heads": 2}
IDS = jnp.array([[1, 2, 3, 0, 0, 0], [4, 5, 6, 7, 8, 9], [7, 0, 0, 0, 0, 0]])
SEGMENTS = (IDS > 0).astype(jnp.int32)


def encoder(**fields):
    module = build_encoder({**SMALL, **fields}, TEXT)
    return module, scrambled(init(module, KEY, IDS)[0])


def test_the_last_token_is_that_before_the_padding():
    module, params = encoder(pool="last", causal=True)
    out = apply(module, params, {}, IDS, segments=SEGMENTS, train=False)[0]
    for row, last in enumerate((2, 5, 0)):
        np.testing.assert_allclose(out.pooled[row], out.tokens[row, last], rtol=1e-6, atol=1e-7)
        alone = apply(module, params, {}, IDS[row : row + 1, : last + 1], train=False)[0]
        np.testing.assert_allclose(out.pooled[row], alone.pooled[0], rtol=1e-5, atol=1e-5)


def test_padding_that_is_seen_is_the_text_of_its_token():
    """Whatever ids a batch has there."""
    field = TEXT.replace(special=(("pad", 3),))
    module = build_encoder({**SMALL, "pool": "last", "padding": "seen"}, field)
    params = scrambled(init(module, KEY, IDS)[0])
    out = apply(module, params, {}, IDS, segments=SEGMENTS, train=False)[0]
    plain = apply(module, params, {}, jnp.where(SEGMENTS > 0, IDS, 3), train=False)[0]
    np.testing.assert_array_equal(out.pooled, plain.pooled)
    np.testing.assert_allclose(out.pooled, out.tokens[:, -1], rtol=1e-6, atol=1e-7)


def test_attention_pool_against_loops():
    module = AttentionPool(heads=2, mlp_ratio=2.0)
    tokens = np.random.default_rng(0).normal(size=(2, 3, 4))
    params = scrambled(init(module, KEY, jnp.asarray(tokens))[0])
    found = apply(module, params, {}, jnp.asarray(tokens), train=False)[0]
    p = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), params)

    def dense(x, of):
        return x @ of["kernel"] + of["bias"]

    for row in range(2):
        q = dense(p["probe"][0], p["query"])
        y = np.zeros(4)
        for head in (slice(0, 2), slice(2, 4)):
            keys = [dense(token, p["key"])[head] for token in tokens[row]]
            values = [dense(token, p["value"])[head] for token in tokens[row]]
            weights = np.exp([q[head] @ key / np.sqrt(2) for key in keys])
            y[head] = sum(w * v for w, v in zip(weights / weights.sum(), values, strict=True))
        y = dense(y, p["out"])
        normed = (y - y.mean()) / np.sqrt(y.var() + 1e-6) * p["norm"]["scale"] + p["norm"]["bias"]
        hidden = dense(normed, p["mlp"]["fc1"])
        y = y + dense(hidden * (1 + erf(hidden / np.sqrt(2))) / 2, p["mlp"]["fc2"])
        np.testing.assert_allclose(found[row], y, rtol=1e-4, atol=1e-5)


def test_an_image_is_pooled_by_attention():
    section = {"name": "vit", "width": 8, "depth": 1, "heads": 2, "patch_size": 4, "image_size": 8}
    section |= {"pool": "map", "class_token": False, "activation": "gelu_quick"}
    module = build_encoder({**section, "embedding_norm": True, "patch_bias": False})
    x = jax.random.normal(KEY, (2, 8, 8, 3))
    params = scrambled(init(module, KEY, x)[0])
    assert set(params["patch_embed"]["linear"]) == {"kernel"}
    out = apply(module, params, {}, x, train=False)[0]
    pool = AttentionPool(heads=2, activation="gelu_quick")
    expected = apply(pool, params["pool_map"], {}, out.tokens, train=False)[0]
    np.testing.assert_allclose(out.pooled, expected, rtol=1e-5, atol=1e-5)


def test_the_norm_before_the_first_block_is_of_the_embeddings():
    """Twice as large embeddings are then the same to the blocks."""
    module, params = encoder(embedding_norm=True, norm_epsilon=1e-12)
    out = apply(module, params, {}, IDS, train=False)[0]
    names = ("pos_embed", "token_embed")
    larger = {n: jax.tree.map(lambda v: 2 * v, params[n]) for n in names}
    other = apply(module, {**params, **larger}, {}, IDS, train=False)[0]
    np.testing.assert_allclose(out.tokens, other.tokens, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("section", [{"name": "vit", "pool": "last"}, {**SMALL, "pool": "map"}])
def test_a_pool_of_another_encoder_is_refused(section):
    with pytest.raises(UserError, match="pool"):
        build_encoder(section, TEXT if section["name"] != "vit" else None)
