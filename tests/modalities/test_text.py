"""Text as a modality: ids as they are, and the shares of ids as its baseline."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.errors import UserError
from ssljax.modalities import modality_of
from ssljax.objectives.views import Views, blank, plain
from ssljax.ops.augment import TextView
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


def test_the_baseline_is_the_share_of_each_id_without_padding():
    shares = modality_of(FIELD).raw(TEXTS, FIELD)
    np.testing.assert_allclose(shares, [[0, 2 / 3, 0, 1 / 3], [0.4, 0.2, 0.4, 0]], rtol=1e-6)


def test_views_are_the_text_itself_unless_tokens_are_dropped():
    keys = jax.random.split(jax.random.key(0), 2)
    batch = {"text": TEXTS, "row": np.arange(2)}
    plain = Views("simclr").bound("text", FIELD)
    plain.require(count=2)
    same = plain.stacked(jax.random.key(0), batch)
    for view in (0, 1):
        np.testing.assert_array_equal(same.data[:, view], TEXTS.data)
        np.testing.assert_array_equal(same.segments[:, view], TEXTS.segments)
    long = np.arange(1, 201, dtype=np.int32)[None].repeat(2, axis=0)
    real = Value(long, (np.arange(200) < np.array([[200], [150]])).astype(np.int32))
    field = FIELD.replace(shape=(200,), vocab=300)
    view = TextView(size=200, drop=0.3, count=3)
    made = modality_of(field).views({"crop": view}, keys, real, field)["crop"]
    assert made.data.shape == (2, 3, 200)
    for row, count in ((0, 200), (1, 150)):
        for number in range(3):
            left = np.asarray(made.segments[row, number]).sum()
            ids = np.asarray(made.data[row, number])
            assert 0.6 * count < left < 0.8 * count and ids[0] == 1
            assert (np.diff(ids[:left]) > 0).all() and ids[left - 1] <= count
            assert not ids[left:].any()
    assert (made.data[0, 0] != made.data[0, 1]).any()


def test_views_of_another_length_are_refused():
    for view, message in (({"size": 3}, "size=3: views of texts"), ({"drop": 1.0}, "drop=1")):
        views = Views.from_config({"crop": view}, "objective.views").bound("text", FIELD)
        with pytest.raises(UserError, match=message):
            views.require(count=1)


def test_hidden_ids_are_predicted_by_cross_entropy():
    target = modality_of(FIELD).reconstruction(FIELD, None, False)
    assert target.out == 4
    where = jnp.array([[True, False, True, False, False], [False] * 5])
    loss = target.loss(jnp.zeros((2, 5, 4)), jnp.asarray(TEXTS.data), where)
    np.testing.assert_allclose(loss, [np.log(4), 0], rtol=1e-6)
