import numpy as np
import pytest

from ssljax.ops.columns import raw_columns


def test_by_hand():
    table = np.array([[3.0, 1, 10], [5.0, 0, 20]])
    found = raw_columns(table, (0, 3, 0), (4.0, 0.0, 10.0), (2.0, 1.0, 5.0))
    np.testing.assert_array_equal(found, [[-0.5, 0, 1, 0, 0], [0.5, 1, 0, 0, 2]])


def test_places_without_a_category_are_zeros():
    found = raw_columns(np.array([[2.0], [-1.0]]), (2,), (0.0,), (1.0,))
    np.testing.assert_array_equal(found, np.zeros((2, 2)))


@pytest.mark.parametrize(
    ("shape", "cardinalities"), [((2, 3), (0, 0)), ((3,), (0, 0, 0)), ((2, 3, 1), (0, 0, 0))]
)
def test_other_shapes_are_refused(shape, cardinalities):
    count = len(cardinalities)
    with pytest.raises(ValueError, match=r"must be \[B, M\]"):
        raw_columns(np.zeros(shape), cardinalities, (0.0,) * count, (1.0,) * count)
