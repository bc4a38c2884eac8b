import numpy as np
import pytest

from ssljax.data.order import shuffled


@pytest.mark.parametrize("count", [1, 2, 3, 5, 16, 17, 1000, 1438])
def test_every_epoch_visits_every_example_once(count):
    for epoch in (0, 1, 7):
        order = shuffled(np.arange(epoch * count, (epoch + 1) * count), count, seed=3)
        assert sorted(order.tolist()) == list(range(count))


def test_positions_are_independent_of_each_other():
    positions = np.arange(5000)
    whole = shuffled(positions, 777, seed=1)
    assert (shuffled(positions[::-7], 777, seed=1) == whole[::-7]).all()


def test_epochs_and_seeds_give_unrelated_orders():
    count = 4096
    orders = [
        shuffled(np.arange(epoch * count, (epoch + 1) * count), count, seed)
        for seed in (0, 1, 2**40, -1)
        for epoch in (0, 1, 2)
    ]
    orders.append(np.arange(count))
    correlations = np.corrcoef(np.stack(orders))
    off_diagonal = correlations[~np.eye(len(orders), dtype=bool)]
    assert np.abs(off_diagonal).max() < 5 / np.sqrt(count)


def test_places_are_uniform():
    # Where example 0 of 10 lands, over 2,000 epochs: chi-square with 9 degrees of freedom.
    count, epochs = 10, 2000
    orders = shuffled(np.arange(count * epochs), count, seed=0).reshape(epochs, count)
    counts = np.bincount(np.argmax(orders == 0, axis=1), minlength=count)
    assert ((counts - epochs / count) ** 2 / (epochs / count)).sum() < 27.9  # p = .001


def test_neighbours_do_not_stay_together():
    count = 10_000
    order = shuffled(np.arange(count), count, seed=5)
    assert (np.abs(np.diff(order)) < 10).mean() < 0.005  # .0019 expected


def test_a_set_of_two_billion_needs_no_table():
    ids = shuffled(np.arange(10**12, 10**12 + 64), 2**31 - 1, seed=0)
    assert len(set(ids.tolist())) == 64 and ids.min() >= 0 and ids.max() < 2**31 - 1


def test_an_empty_set_is_refused():
    with pytest.raises(ValueError, match="count must be at least 1, got 0"):
        shuffled(np.arange(3), 0, seed=0)
