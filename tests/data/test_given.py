"""Examples in memory, brought to what a run reads."""

import numpy as np
import pytest

from ssljax.data.given import prepared
from ssljax.errors import UserError
from ssljax.spec import Field

SERIES = Field("series", (4, 2), "float32", mean=(1.0, 2.0), std=(1.0, 1.0))
TABLE = Field("table", (2,), "float32", cardinalities=(0, 3), mean=(0.0, 0.0), std=(1.0, 1.0))


def test_series_of_other_lengths_are_padded_with_the_mean_and_cut_in_the_middle():
    short, long = np.zeros((2, 2)), np.arange(12.0).reshape(6, 2)
    found = prepared([short, long], SERIES, "series")
    np.testing.assert_array_equal(found[0], [[0, 0], [0, 0], [1, 2], [1, 2]])
    np.testing.assert_array_equal(found[1], long[1:5])
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found[1:], prepared(long[None], SERIES, "series"))


def test_a_ragged_field_says_where_series_end():
    whole = np.ones((1, 4, 2), np.float32)
    whole[0, 3] = np.nan
    found = prepared(whole, SERIES.replace(ragged=True), "series")
    assert found.segments.tolist() == [[1, 1, 1, 0]]
    np.testing.assert_array_equal(found.data[0, 3], SERIES.mean)


def test_rows_of_a_table():
    np.testing.assert_array_equal(prepared([[0.5, 2]], TABLE, "table"), [[0.5, 2]])


@pytest.mark.parametrize(
    "values, field, message",
    [
        ([[0.5, 3]], TABLE, "column 1 holds categories, whole numbers from 0 to 2"),
        ([[0.5, 0.5]], TABLE, "column 1"),
        ([[np.nan, 1]], TABLE, "no numbers"),
        ([[1, 2, 3]], TABLE, r"the run reads rows \[n, 2\]"),
        ([["a", 1]], TABLE, "whole numbers from 0"),
        (np.zeros((2, 4)), SERIES, r"the run reads series \[n, T, 2\]"),
        ([np.zeros((3, 1))], SERIES, "the run reads series"),
        (np.full((1, 4, 2), np.inf), SERIES, "no finite numbers"),
    ],
)
def test_what_does_not_fit_is_said(values, field, message):
    with pytest.raises(UserError, match=message):
        prepared(values, field, field.modality)
