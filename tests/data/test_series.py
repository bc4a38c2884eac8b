import numpy as np
import pytest

from ssljax.data.series import fill, pad, series_field, windows
from ssljax.data.sources.ts import read_ts_files
from ssljax.data.sources.ts_format import parse_ts
from ssljax.errors import UserError
from tests.data.wheels import TS_HEADER


def test_pad_and_fill():
    padded = pad([np.array([[1.0], [3.0]]), np.array([[5.0]])], 3)
    np.testing.assert_array_equal(padded[..., 0], [[1, 3, np.nan], [5, np.nan, np.nan]])
    field = series_field(padded, rate=10.0)
    assert field.mean == (3.0,) and field.std == (pytest.approx((8 / 3) ** 0.5),)
    assert field.shape == (3, 1) and field.rate == 10 and field.modality == "series"
    np.testing.assert_array_equal(fill(padded, field)[..., 0], [[1, 3, 3], [5, 3, 3]])
    with pytest.raises(UserError, match="has 2 steps, more than the 1"):
        pad([np.zeros((2, 1))], 1)


def test_windows():
    series = np.arange(10.0)[:, None]
    assert windows(series, 4, 3)[..., 0].tolist() == [[0, 1, 2, 3], [3, 4, 5, 6], [6, 7, 8, 9]]
    assert windows(series, 11, 1).shape == (0, 11, 1)


def test_statistics_of_channels():
    train = np.stack([np.full((2, 3), 4.0), [[0, 1, 2], [3, 4, 5]]], axis=-1)
    assert series_field(train).std[0] == 1  # constant
    train[..., 1] = np.nan
    with pytest.raises(UserError, match="channel 1 has no value"):
        series_field(train)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\n1,2\n", "is no .ts file: it begins with 'a,b'"),
        ("@timeStamps true\n@data\n(0,1)\n", "has time stamps"),
        ("@problemName x\n", "has no series after @data"),
        (TS_HEADER, "has no series after @data"),
        (TS_HEADER + "1,2:1:slow\n", "line 7: a series needs channels of one length"),
        (TS_HEADER + "slow\n", "line 7: a series needs channels of one length"),
        (TS_HEADER + "1,x:1,2:slow\n", "line 7: could not convert"),
        (TS_HEADER + "1,inf:1,2:slow\n", "line 7: a value is infinite"),
        (TS_HEADER + "1:2:slow\n1:slow\n", "differ in their number of channels"),
    ],
)
def test_files_that_are_no_series(content, message):
    with pytest.raises(UserError, match=message):
        parse_ts(content, "x.ts")


def test_targets_that_are_numbers_are_left_out():
    found = parse_ts("@timestamps false\n@targetlabel true\n@data\n1,2:0.5\n3:7\n", "x.ts")
    assert found.labels is None and [one.tolist() for one in found.series] == [[[1], [2]], [[3]]]


def test_without_classes_every_cell_is_a_channel():
    found = parse_ts("@univariate true\n@data\n1,2\n", "x.ts")
    assert found.labels is None and found.series[0].tolist() == [[1], [2]]


def test_ts_files(tmp_path):
    (tmp_path / "A_TRAIN.ts").write_text(TS_HEADER + "1,2:3,4:slow\n")
    (tmp_path / "A_TEST.ts").write_text(TS_HEADER + "1,2,5:3,4,5:fast\n")
    found = read_ts_files(str(tmp_path))
    assert found.fields["series"].shape == (3, 2)
    assert found.splits["test"]["label"].tolist() == [0]
    alone = read_ts_files(str(tmp_path / "A_TEST.ts"))
    assert list(alone.splits) == ["train"] and alone.class_names == ("fast",)
    (tmp_path / "B_TEST.ts").write_text(TS_HEADER + "1:3:fast\n")
    with pytest.raises(UserError, match="A_TEST.ts and B_TEST.ts; keep one set"):
        read_ts_files(str(tmp_path))


def test_splits_that_do_not_fit(tmp_path):
    with pytest.raises(UserError, match="no .ts file in the folder"):
        read_ts_files(str(tmp_path))
    (tmp_path / "test.ts").write_text(TS_HEADER + "1:3:slow\n")
    with pytest.raises(UserError, match="must have one split named train"):
        read_ts_files(str(tmp_path))
    (tmp_path / "train.ts").write_text(TS_HEADER + "1:3:4:slow\n")
    with pytest.raises(UserError, match=r"series of \[2, 3\] channels"):
        read_ts_files(str(tmp_path))
