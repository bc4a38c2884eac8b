"""Each modality's corruptions of what a batch holds."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.modalities import modality_of
from ssljax.spec import Field, Value
from tests.modalities.test_modalities import FIELDS, values

KEYS = jax.random.split(jax.random.key(0), 6)
TEXT = Field("text", (8,), "int32", vocab=50, ragged=True)


@pytest.mark.parametrize("name", FIELDS)
def test_a_batch_keeps_its_form(name):
    field, value, bank = FIELDS[name], values(name), values(name, seed=1)
    found = modality_of(field).corruptions(field)
    assert found
    for corrupt in found.values():
        corrupt = jax.jit(corrupt, static_argnums=2)
        made = np.asarray(corrupt(KEYS, value, 5, bank))
        assert made.shape == value.shape and made.dtype == value.dtype
        assert (made != value).any()
        part = corrupt(KEYS[2:4], value[2:4], 5, bank)
        np.testing.assert_allclose(part, made[2:4], atol=1 if name in ("audio", "image") else 1e-5)


def test_images_of_floats_stay_floats():
    field = FIELDS["image"].replace(dtype="float32")
    made = modality_of(field).corruptions(field)["noise"](KEYS, np.zeros((6, 8, 8, 1), "f4"), 1, 0)
    assert made.dtype == jnp.float32 and 0 < float(made.max()) <= 1


def test_noise_of_series_is_in_units_of_each_channel():
    field = FIELDS["series"].replace(shape=(4000, 2))
    series = np.zeros((6, 4000, 2), np.float32)
    noise = np.asarray(modality_of(field).corruptions(field)["noise"](KEYS, series, 4, None))
    np.testing.assert_allclose(noise.std(axis=(0, 1)), field.std, rtol=0.03)
    dropped = modality_of(field).corruptions(field)["dropped_channels"](KEYS, series + 9, 5, None)
    assert {-2.0, 1.0, 9.0} == set(np.unique(dropped).tolist())  # the means where dropped
    one = field.replace(shape=(4000, 1), mean=(0.0,), std=(1.0,))
    assert list(modality_of(one).corruptions(one)) == ["noise"]


def test_padding_stays_as_it_is():
    field = FIELDS["series"].replace(ragged=True)
    segments = np.repeat([[1] * 10 + [0] * 6], 6, axis=0).astype(np.int32)
    value = Value(values("series") * (segments > 0)[..., None], segments)
    for corrupt in modality_of(field).corruptions(field).values():
        made = corrupt(KEYS, value, 5, None)
        assert (np.asarray(made.data)[:, 10:] == 0).all()
        assert (np.asarray(made.data)[:, :10] != value.data[:, :10]).any()
        np.testing.assert_array_equal(made.segments, segments)


def test_cells_of_a_table_stay_those_of_their_column():
    field, value, bank = FIELDS["table"], values("table"), values("table", seed=1)
    made = np.asarray(modality_of(field).corruptions(field)["replaced_cells"](KEYS, value, 5, bank))
    for column in range(4):
        assert np.isin(made[:, column], np.concatenate([value, bank])[:, column]).all()
    assert (made != value).sum(axis=1).max() <= 2


def test_words_of_a_text_are_dropped():
    ids = np.arange(1, 49, dtype=np.int32).reshape(6, 8)
    value = Value(ids, np.ones((6, 8), np.int32))
    (corrupt,) = modality_of(TEXT).corruptions(TEXT).values()
    made = corrupt(KEYS, value, 5, None)
    left = np.asarray(made.segments).sum(axis=1)
    assert (1 <= left).all() and left.sum() < 40
    assert np.isin(np.asarray(made.data), np.append(ids, 0)).all()
