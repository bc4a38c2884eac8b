"""Corruption of rows: how many cells, from where, and what the mask says."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.ops.augment import SCARF, multi_corrupt, vime_corruption

VIEWS = {"clean": SCARF(rate=0.0), "corrupted": SCARF(rate=0.6, count=3)}


def rows_of(count=8, columns=10, seed=0):
    return np.random.default_rng(seed).normal(size=(count, columns)).astype(np.float32)


def keys_for(count, seed=0):
    return jax.random.split(jax.random.key(seed), count)


@functools.partial(jax.jit, static_argnums=0)
def make_jitted(views, keys, rows, bank):
    return multi_corrupt(dict(views), keys, rows, bank)


def make(views, keys, rows, bank):
    return make_jitted(tuple(views.items()), keys, rows, bank)


def test_exactly_so_many_columns_come_from_the_bank():
    rows, bank = rows_of(), 100 + rows_of(50, seed=1)  # so that what is drawn can be told
    views = make(VIEWS, keys_for(8), rows, bank)
    np.testing.assert_array_equal(views["clean"], rows[:, None])
    assert views["corrupted"].shape == (8, 3, 10)
    drawn = np.asarray(views["corrupted"] > 50)
    np.testing.assert_array_equal(drawn.sum(axis=2), 6)
    np.testing.assert_array_equal(
        np.where(drawn, 0, views["corrupted"]), np.where(drawn, 0, rows[:, None])
    )
    for column in range(10):
        found = np.asarray(views["corrupted"][..., column])[drawn[..., column]]
        assert np.isin(found, bank[:, column]).all()
    assert len(np.unique(drawn.reshape(24, 10), axis=0)) > 10  # columns differ from view to view


@pytest.mark.parametrize(
    "rate, columns, count", [(0.6, 14, 8), (0.29, 100, 29), (1.0, 5, 5), (0.1, 5, 0)]
)
def test_the_number_of_columns_is_the_floor(rate, columns, count):
    rows, bank = np.zeros((4, columns), np.float32), np.ones((2, columns), np.float32)
    view = make({"v": SCARF(rate=rate)}, keys_for(4), rows, bank)["v"]
    np.testing.assert_array_equal(view.sum(axis=2), count)


def test_cells_have_the_marginal_distribution_of_their_column_and_are_independent():
    rng = np.random.default_rng(0)
    first = rng.integers(0, 4, 1000)
    bank = np.stack([first, first, 10 * first], axis=1).astype(np.float32)  # tied in the bank
    keys = keys_for(4000)
    drawn = make({"v": SCARF(rate=1.0)}, keys, np.zeros((4000, 3), np.float32), bank)["v"][:, 0]
    shares = np.bincount(first, minlength=4) / 1000
    np.testing.assert_allclose(np.bincount(np.int32(drawn[:, 0])) / 4000, shares, atol=0.03)
    np.testing.assert_allclose(np.bincount(np.int32(drawn[:, 2] / 10)) / 4000, shares, atol=0.03)
    assert np.abs(np.corrcoef(drawn.T) - np.eye(3)).max() < 0.06


def test_a_view_depends_on_the_examples_key_and_the_bank_alone():
    keys, rows, bank = keys_for(8), rows_of(), rows_of(20, seed=1)
    whole = make(VIEWS, keys, rows, bank)["corrupted"]
    alone = make({"corrupted": VIEWS["corrupted"]}, keys[2:4], rows[2:4], bank)["corrupted"]
    np.testing.assert_array_equal(whole[2:4], alone)
    assert np.any(whole != make(VIEWS, keys_for(8, seed=1), rows, bank)["corrupted"])


def test_the_batch_is_its_own_bank_on_one_and_on_eight_devices():
    keys, rows = keys_for(8), rows_of()
    placed = jax.NamedSharding(jax.sharding.Mesh(np.array(jax.devices()), ("data",)), jax.P("data"))
    spread = jax.device_put(rows, placed)
    one = make(VIEWS, keys, rows, rows)["corrupted"]
    eight = make(VIEWS, jax.device_put(keys, placed), spread, spread)["corrupted"]
    assert eight.sharding.is_equivalent_to(placed, 3)
    np.testing.assert_array_equal(one, eight)


def test_the_mask_is_of_cells_that_differ():
    rng = np.random.default_rng(0)
    rows = np.stack([rng.integers(0, 2, 2000), rng.normal(size=2000)], axis=1).astype(np.float32)
    corrupt = jax.jit(functools.partial(vime_corruption, rate=0.3))
    corrupted, mask = corrupt(keys_for(2000), rows, rows)
    np.testing.assert_array_equal(mask, corrupted != rows)
    # Half of the draws of a fair coin are what stood there before.
    np.testing.assert_allclose(mask.mean(axis=0), [0.15, 0.3], atol=0.03)
    none, mask = vime_corruption(keys_for(4), rows[:4], rows, rate=0.0)
    assert not mask.any() and np.all(none == rows[:4])
    everything, _ = vime_corruption(keys_for(4), rows[:4], 100 + rows, rate=1.0)
    assert np.all(everything > 50)


def test_what_does_not_fit_is_refused():
    rows = rows_of()
    with pytest.raises(ValueError, match="rate=1.5 must be from 0 to 1"):
        SCARF(rate=1.5)
    with pytest.raises(ValueError, match="count=0 must be at least 1"):
        SCARF(count=0)
    with pytest.raises(ValueError, match="rate=-1 must be from 0 to 1"):
        vime_corruption(keys_for(8), rows, rows, rate=-1)
    with pytest.raises(ValueError, match=r"keys must have shape \[B\] and rows \[B, M\]"):
        multi_corrupt(VIEWS, keys_for(3), rows, rows)
    for bank in (rows[:, :4], rows[:0], jnp.zeros(10)):
        with pytest.raises(ValueError, match=r"bank must have shape \[R, 10\] with R at least 1"):
            multi_corrupt(VIEWS, keys_for(8), rows, bank)
