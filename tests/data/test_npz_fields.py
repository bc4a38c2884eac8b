import numpy as np
import pytest

from ssljax.data import Pipeline, open_source
from ssljax.data.sources.npz_fields import holds_fields, read_npz
from ssljax.errors import UserError


def write(path, **arrays):
    np.savez(path, **arrays)
    return str(path)


def test_series_in_one_file(tmp_path):
    train = np.arange(12.0).reshape(2, 3, 2)
    train[1, 2] = np.nan
    path = write(
        tmp_path / "x.npz",
        train_series=train,
        train_label=np.array(["b", "a"]),
        test_series=np.zeros((1, 3, 2)),
        test_label=np.array(["c"]),
    )
    found = read_npz(path)
    assert holds_fields(path) and found.class_names == ("a", "b", "c")
    np.testing.assert_array_equal(found.splits["train"]["series"], train)
    assert found.splits["train"]["label"].tolist() == [1, 0]
    assert found.splits["test"]["label"].tolist() == [2]
    assert found.fields["series"].mean == (4.0, 5.0)


def test_series_without_channels_are_train(tmp_path):
    found = read_npz(write(tmp_path / "x.npz", series=np.zeros((4, 5)), label=np.arange(4) % 2))
    assert found.splits["train"]["series"].shape == (4, 5, 1)
    assert found.splits["train"]["label"].dtype == np.int32 and found.class_names == ("0", "1")


def test_a_table_by_split(tmp_path):
    table = np.array([[1.0, 2], [np.nan, 0], [3, 1]])
    write(tmp_path / "train.npz", table=table, cardinalities=np.array([0, 3]))
    write(tmp_path / "test.npz", table=np.array([[np.nan, 1.0]]))
    found = read_npz(str(tmp_path))
    np.testing.assert_array_equal(found.splits["train"]["table"], [[1, 2], [2, 0], [3, 1]])
    np.testing.assert_array_equal(found.splits["test"]["table"], [[2, 1]])
    assert found.fields["table"].cardinalities == (0, 3) and found.class_names == ()


def test_images_are_none_of_them(tmp_path):
    path = write(tmp_path / "x.npz", train_image=np.zeros((1, 2, 2, 1), np.uint8))
    assert not holds_fields(path)


TABLE = np.zeros((3, 2))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"series": np.zeros((2, 3, 4, 1))}, r"shape \[n, T, C\] or \[n, T\], not float64"),
        ({"table": np.zeros((2, 3, 4))}, r"shape \[n, M\]"),
        ({"table": np.array([["a"]])}, "must be numbers"),
        ({"table": np.array([[1e39]])}, "holds infinite numbers"),
        ({"table": np.array([[1.0, np.nan]])}, "column 1 of .* has no value"),
        ({"table": TABLE, "series": np.zeros((3, 4))}, "one of series, table and video"),
        ({"test_table": TABLE}, "must have one split named train; its splits are: test"),
        ({"train_table": TABLE, "test_label": np.zeros(3)}, "test has no array 'table'"),
        ({"train_table": TABLE, "test_table": np.zeros((3, 4))}, "differ in the shape of table"),
        ({"table": TABLE, "label": np.zeros(2, int)}, "one for each of 3 examples"),
        ({"table": TABLE, "label": np.array([0, -1, 1])}, "must be integers from 0"),
        ({"table": TABLE, "cardinalities": np.array([2])}, "must be whole numbers, one for each"),
        ({"table": TABLE, "cardinalities": np.array([2, -1])}, "must be 0 or more, one is -1"),
        ({"table": TABLE + 2, "cardinalities": np.array([0, 2])}, "column 1 .* from 0 to 1"),
        ({"table": TABLE + 0.5, "cardinalities": np.array([0, 2])}, "column 1 .* from 0 to 1"),
    ],
)
def test_arrays_of_a_wrong_form(tmp_path, arrays, message):
    with pytest.raises(UserError, match=message):
        read_npz(write(tmp_path / "x.npz", **arrays))


def test_labels_that_are_names_here_and_numbers_there(tmp_path):
    path = write(
        tmp_path / "x.npz",
        train_table=TABLE,
        train_label=np.arange(3),
        test_table=TABLE,
        test_label=np.array(["a", "b", "c"]),
    )
    with pytest.raises(UserError, match="some splits of .* have strings as labels"):
        read_npz(path)


def test_ragged_series_say_where_they_end(tmp_path):
    series = np.arange(2 * 5 * 2, dtype=np.float32).reshape(2, 5, 2)
    series[0, 3:] = series[1, 1] = np.nan  # one ends, of the other a time is missing
    np.savez(tmp_path / "ragged.npz", series=series)
    source = open_source(f"npz:{tmp_path / 'ragged.npz'}", ragged=True)
    assert source.fields["series"].ragged
    value = source.gather(np.array([0, 1]))["series"]
    np.testing.assert_array_equal(value.segments, [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])
    mean = np.float32(source.fields["series"].mean)
    np.testing.assert_array_equal(value.data[0, 3:], [mean, mean])
    batch = Pipeline(source, seed=0, batch_size=2, length=2).batch(0)["series"]
    assert np.all(batch.segments == 1)
    for row, example in zip(batch.data, Pipeline(source, seed=0, batch_size=2).ids(0), strict=True):
        starts = [n for n in range(2) if np.array_equal(value.data[example][n : n + 2], row)]
        assert starts or example == 1  # a window of the first lies before its end
    longer = Pipeline(source, seed=0, batch_size=2, length=7).batch(0)["series"]
    assert sorted(longer.segments.sum(axis=1)) == [3, 5]
