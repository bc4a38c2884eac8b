"""Short series packed into rows."""

import numpy as np
import pytest

from ssljax.data import Packed, Pipeline, open_source
from ssljax.data.packing import first_fit
from ssljax.errors import UserError

LENGTHS = (4, 3, 5, 2, 1)


@pytest.fixture
def source(tmp_path):
    series = np.full((len(LENGTHS), 5, 2), np.nan, np.float32)
    for number, length in enumerate(LENGTHS):
        series[number, :length] = 10 * number + np.arange(2 * length).reshape(length, 2)
    np.savez(tmp_path / "short.npz", series=series, label=np.arange(len(LENGTHS)))
    return open_source(f"npz:{tmp_path / 'short.npz'}", ragged=True)


def test_an_example_goes_into_the_first_row_that_has_room():
    assert first_fit(LENGTHS, 6) == [[0, 3], [1, 4], [2]]
    assert first_fit([2, 2, 2], 2) == [[0], [1], [2]]
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 30, 200)
    rows = first_fit(lengths, 40)
    assert sorted(sum(rows, [])) == list(range(200))
    assert max(lengths[row].sum() for row in rows) <= 40
    for number, row in enumerate(rows):  # the first of a row had no room in any before
        for before in rows[:number]:
            earlier = [example for example in before if example < row[0]]
            assert lengths[earlier].sum() + lengths[row[0]] > 40


def test_rows_hold_their_examples_one_after_another(source):
    packed = Packed(source, "series", 6)
    assert len(packed) == 3 and packed.fields["series"].shape == (6, 2)
    assert "rows that are 83% full" in packed.report and set(packed.fields) == {"series"}
    row = packed[0]["series"]
    np.testing.assert_array_equal(row.segments, [1, 1, 1, 1, 2, 2])
    np.testing.assert_array_equal(row.data[:4], source[0]["series"].data[:4])
    np.testing.assert_array_equal(row.data[4:], source[3]["series"].data[:2])
    last = packed[2]["series"]
    np.testing.assert_array_equal(last.segments, [1, 1, 1, 1, 1, 0])
    np.testing.assert_allclose(last.data[5], source.fields["series"].mean, rtol=1e-6)
    batch = Pipeline(packed, seed=0, batch_size=3).batch(0)
    for number, example in enumerate(batch["id"]):
        np.testing.assert_array_equal(batch["series"].data[number], packed[example]["series"].data)


def test_examples_begin_at_patches(source):
    row = Packed(source, "series", 8, align=2)[0]["series"]
    np.testing.assert_array_equal(row.segments, [1, 1, 1, 1, 2, 2, 2, 0])


def test_fingerprints_tell_rows_apart(source):
    found = {str(Packed(source, "series", *args).fingerprint()) for args in ((6,), (8,), (8, 2))}
    assert len(found) == 3


def test_rows_that_are_too_short_are_named(source):
    with pytest.raises(UserError, match="config.data.pack=4, but the longest example .* takes 5"):
        Packed(source, "series", 4)
    with pytest.raises(UserError, match="config.data.pack=7 must be a multiple of 2"):
        Packed(source, "series", 7, align=2)
