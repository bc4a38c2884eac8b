import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.models import ConvDecoder, Encoded, MAEDecoder, Predictor
from tests.models.jitted import apply, init, scrambled

KEY = jax.random.key(0)
DECODER = MAEDecoder(grid=(2, 3), out=7, width=8, depth=2, heads=2)
ENCODED = Encoded(jax.random.normal(KEY, (2, 4)), jax.random.normal(jax.random.key(1), (2, 2, 4)))
KEEP = jnp.array([[4, 1], [0, 5]])  # the visible patches, in the order in which they come
RESTORE = jnp.array([[2, 1, 3, 4, 0, 5], [0, 2, 3, 4, 5, 1]])


def decode(params, encoded=ENCODED, restore=RESTORE, decoder=DECODER):
    return apply(decoder, params, {}, encoded, restore, train=True)[0]


@pytest.fixture(scope="module")
def params():
    return scrambled(init(DECODER, KEY, ENCODED, RESTORE)[0])


def test_every_patch_is_predicted(params):
    out = decode(params)
    assert out.shape == (2, 6, 7) and out.dtype == jnp.float32
    assert params["mask_token"].shape == (8,)


def test_visible_tokens_return_to_their_places(params):
    """Without blocks, what a token says can be seen at one place only."""
    decoder = DECODER.clone(depth=0, scan=False)
    shallow = {k: v for k, v in params.items() if k != "trunk"}
    shallow["trunk"] = {"norm": params["trunk"]["norm"]}
    out = decode(shallow, decoder=decoder)
    for example in range(2):
        for place in range(2):
            tokens = ENCODED.tokens.at[example, place].add(1.0)
            moved = decode(shallow, ENCODED._replace(tokens=tokens), decoder=decoder)
            changed = np.argwhere(np.abs(moved - out).max(-1) > 1e-4)
            np.testing.assert_array_equal(changed, [[example, KEEP[example, place]]])


def test_order_of_the_visible_patches_does_not_matter(params):
    swapped = ENCODED._replace(tokens=ENCODED.tokens[:, ::-1])
    restore = jnp.where(RESTORE < 2, 1 - RESTORE, RESTORE)
    np.testing.assert_allclose(decode(params, swapped, restore), decode(params), atol=1e-4)


def test_order_of_the_hidden_patches_does_not_matter(params):
    restore = jnp.where(RESTORE < 2, RESTORE, 7 - RESTORE)
    np.testing.assert_allclose(decode(params, restore=restore), decode(params), atol=1e-4)


def test_pooled_vector_and_positions_inform_the_prediction(params):
    out = decode(params)
    moved = decode(params, ENCODED._replace(pooled=ENCODED.pooled + 1))
    assert np.abs(moved - out).max(-1).min() > 1e-5
    hidden = out[0, jnp.array([0, 2, 3, 5])]
    assert np.abs(hidden[1:] - hidden[0]).max(-1).min() > 1e-3  # mask tokens differ by place


def test_a_restore_of_another_grid_is_refused(params):
    with pytest.raises(ValueError, match="restore must have 6 columns"):
        decode(params, restore=RESTORE[:, :5])


PREDICTOR = Predictor(grid=(3, 3), out=7, width=8, depth=2, heads=2)
TOKENS, CONTEXT = ENCODED.tokens, jnp.array([[8, 0], [3, 4]])
TARGETS = jnp.array([[[1, 2], [4, 5], [2, 1]], [[0, 1], [5, 8], [6, 7]]])


@pytest.fixture(scope="module")
def predictor():
    return scrambled(init(PREDICTOR, KEY, TOKENS, CONTEXT, TARGETS)[0])


def predict(params, tokens=TOKENS, context=CONTEXT, targets=TARGETS):
    return apply(PREDICTOR, params, {}, tokens, context, targets, train=True)[0]


def test_every_block_is_predicted_on_its_own(predictor):
    out = predict(predictor)
    assert out.shape == (2, 3, 2, 7) and out.dtype == jnp.float32
    for block in range(3):
        alone = predict(predictor, targets=TARGETS[:, block : block + 1])
        np.testing.assert_allclose(alone[:, 0], out[:, block], atol=1e-5)
    # The same patches in another order; and within a block, one is seen by the other.
    np.testing.assert_allclose(out[0, 2], out[0, 0, ::-1], atol=1e-5)
    moved = predict(predictor, targets=TARGETS.at[:, 0, 1].set(7))
    assert np.abs(moved - out)[:, 0, 0].max() > 1e-4


def test_a_context_is_a_set_of_tokens_with_places(predictor):
    out = predict(predictor)
    swapped = predict(predictor, TOKENS[:, ::-1], CONTEXT[:, ::-1])
    np.testing.assert_allclose(swapped, out, atol=1e-4)
    assert np.abs(predict(predictor, context=CONTEXT[:, ::-1]) - out).max() > 1e-3


def test_a_convolutional_decoder_against_the_definition():
    decoder = ConvDecoder(grid=(3, 3), out=5, width=4, depth=2, groups=2)
    x = jax.random.normal(KEY, (2, 9, 4))
    params = scrambled(init(decoder, KEY, x)[0])
    expected = np.asarray(x, np.float64).reshape(2, 3, 3, 4)
    for i in range(2):
        kernel, bias = (np.asarray(params[f"conv_{i}"][n], np.float64) for n in ("kernel", "bias"))
        padded = np.pad(expected, ((0, 0), (1, 1), (1, 1), (0, 0)))
        y = np.zeros_like(expected) + bias
        for row, column in np.ndindex(3, 3):
            part = padded[:, row : row + 3, column : column + 3]
            for g in range(2):
                at = slice(2 * g, 2 * g + 2)
                y[..., at] += part[..., at] @ kernel[row, column, :, at]
        y = (y - y.mean(-1, keepdims=True)) / np.sqrt(y.var(-1, keepdims=True) + 1e-5)
        expected = expected + y * np.vectorize(math.erfc)(-y / math.sqrt(2)) / 2
    expected = expected.reshape(2, 9, 4) @ params["output"]["kernel"] + params["output"]["bias"]
    got = apply(decoder, params, {}, x, train=True)[0]
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)


def test_groups_that_do_not_divide_are_refused():
    decoder = ConvDecoder(grid=(3, 3), out=5, width=8, depth=1, groups=3)
    with pytest.raises(ValueError, match="groups must divide the 6 channels .* width 8, got 3"):
        init(decoder, KEY, jnp.zeros((1, 9, 6)))
