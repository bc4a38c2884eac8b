import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.models import GridDecoder, ImageDecoder
from tests.models.jitted import apply, init, scrambled

KEY = jax.random.key(0)


@pytest.mark.parametrize("shape", [(8, 8, 1), (7, 10, 3)], ids=str)
@pytest.mark.parametrize("norm", [False, True])
def test_a_vector_becomes_an_image_of_any_size(shape, norm):
    decoder = ImageDecoder(shape, width=4, doublings=2, norm=norm)
    z = jax.random.normal(KEY, (3, 5))
    params, stats = init(decoder, KEY, z)
    image, updated = apply(decoder, params, stats, z, train=True)
    assert image.shape == (3, *shape) and image.dtype == jnp.float32
    assert bool(stats) == norm
    if norm:
        moved = jax.tree.map(lambda a, b: bool(np.any(a != b)), stats, updated)
        assert all(jax.tree.leaves(moved))


@pytest.mark.parametrize("shape", [(8, 8, 1), (7, 10, 3)], ids=str)
def test_tokens_become_an_image_of_any_size(shape):
    decoder = GridDecoder(shape, width=4, blocks=1)
    tokens = jax.random.normal(KEY, (3, 9, 5))
    params, _ = init(decoder, KEY, tokens)
    image, _ = apply(decoder, params, {}, tokens, train=True)
    assert image.shape == (3, *shape) and image.dtype == jnp.float32


def test_a_token_is_decoded_where_it_lies():
    decoder = GridDecoder((10, 10, 1), width=4, blocks=0)
    tokens = jax.random.normal(KEY, (1, 25, 5))
    params = scrambled(init(decoder, KEY, tokens)[0])
    before = apply(decoder, params, {}, tokens, train=True)[0]
    after = apply(decoder, params, {}, tokens.at[0, 7].add(1.0), train=True)[0]
    changed = np.abs(after - before)[0, ..., 0] > 1e-5
    # Token 7 is row 1, column 2; a 3x3 convolution reaches the cells of 2x2 pixels beside it.
    np.testing.assert_array_equal(np.flatnonzero(changed.any(axis=1)), np.arange(0, 6))
    np.testing.assert_array_equal(np.flatnonzero(changed.any(axis=0)), np.arange(2, 8))


def test_tokens_that_are_no_square_are_refused():
    with pytest.raises(ValueError, match="tokens must be a square grid, got 8 of them"):
        init(GridDecoder((8, 8, 1), width=4, blocks=1), KEY, jnp.zeros((1, 8, 5)))
