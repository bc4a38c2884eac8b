"""Text as a modality: ids as they are, and the shares of ids as its baseline."""

import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.errors import UserError
from ssljax.modalities import modality_of
from ssljax.objectives.views import Views, blank, plain
from ssljax.spec import Field, Value

FIELD = Field("text", (5,), "int32", vocab=4, ragged=True)
TEXTS = Value(
    np.array([[1, 1, 3, 0, 0], [2, 0, 2, 0, 1]], np.int32),
    np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], np.int32),
)


def test_ids_reach_the_encoder_as_they_are_with_their_segments():
    seen = plain(TEXTS, FIELD)
    assert seen.data.dtype == jnp.int32
    np.testing.assert_array_equal(seen.data, TEXTS.data)
    np.testing.assert_array_equal(seen.segments, TEXTS.segments)
    example = blank(FIELD)
    assert (example.data.shape, example.data.dtype) == ((2, 5), jnp.int32)
    assert np.all(example.segments == 1)


def test_the_baseline_is_tf_idf_without_padding():
    found = modality_of(FIELD).raw(TEXTS, FIELD)
    two, one = np.log(3), np.log(2)  # of 1 + count
    expected = np.array([[0, two, 0, one], [two, one, two, 0]])
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    weighted = expected * [1, 2, 3, 4]
    weighted /= np.linalg.norm(weighted, axis=1, keepdims=True)
    found = modality_of(FIELD).raw(TEXTS, FIELD.replace(mean=(1.0, 2.0, 3.0, 4.0)))
    np.testing.assert_allclose(found, weighted, rtol=1e-6)


def test_text_has_neither_views_nor_masks():
    with pytest.raises(UserError, match="takes views of examples, and text has none"):
        Views("simclr").bound("text", FIELD).require(count=2)
    with pytest.raises(UserError, match="takes masked examples, and text has none"):
        modality_of(FIELD).reconstruction(FIELD, None, False)
