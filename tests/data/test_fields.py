"""Sources whose examples are no images: series, tables, several fields at once."""

import numpy as np
import pytest
from ml_collections import ConfigDict

from ssljax.data import Pipeline, epoch, measured_spec, statistics
from ssljax.data.host import Window
from ssljax.data.sources import ArraySource
from ssljax.data.sources.base import Options
from ssljax.errors import UserError
from ssljax.spec import LABEL, Field

OPTIONS = Options("made:up", "train")
N = 12


def made_source(steps=10):
    rng = np.random.default_rng(0)
    table = np.stack([rng.normal(1e6, 5, N), rng.integers(0, 3, N), np.full(N, 7.0)], 1)
    fields = {
        "series": Field("series", (steps, 2), "float32", rate=50.0),
        "table": Field("table", (3,), "float32", cardinalities=(0, 3, 0)),
    }
    series = rng.normal([3, -100], [0.1, 20], (N, steps, 2)).astype(np.float32)
    arrays = {"series": series, "table": table.astype(np.float32), "label": np.arange(N) % 2}
    return ArraySource(fields, arrays, OPTIONS, num_classes=2)


def test_batches_hold_every_field_untouched():
    source = made_source()
    assert source.fields["label"] == LABEL.replace(classes=2)
    batch = Pipeline(source, seed=0, batch_size=5, labels=True).batch(3)
    assert set(batch) == {"series", "table", "id", "label"}
    for name in ("series", "table", "label"):
        np.testing.assert_array_equal(batch[name], source.arrays[name][batch["id"]])
    assert "label" not in Pipeline(source, seed=0, batch_size=5).batch(3)
    batches = list(epoch(source, 5))
    assert [b["valid"].sum() for b in batches] == [5, 5, 2]
    np.testing.assert_array_equal(batches[1]["table"], source.arrays["table"][5:10])


def test_statistics_are_by_channel_over_time_and_by_numeric_column():
    source = made_source()
    found = statistics(source)
    series = source.arrays["series"].astype(np.float64)
    np.testing.assert_allclose(found["series"][0], series.mean((0, 1)), rtol=1e-6)
    np.testing.assert_allclose(found["series"][1], series.std((0, 1)), rtol=1e-5)
    mean, std = found["table"]
    table = source.arrays["table"].astype(np.float64)
    np.testing.assert_allclose(mean, [table[:, 0].mean(), 0, 7], rtol=1e-6)
    np.testing.assert_allclose(std, [table[:, 0].std(), 1, 1], rtol=1e-3)


def test_statistics_that_a_source_knows_are_kept(tmp_path):
    source = made_source()
    source.fields["series"] = source.fields["series"].replace(mean=(5.0, 6.0), std=(2.0, 3.0))
    for _ in range(2):  # computed, then kept
        found = statistics(source, folder=tmp_path)
        assert found["series"][0].tolist() == [5, 6] and found["table"][1][1] == 1


def test_the_spec_of_batches(tmp_path):
    data = ConfigDict({"image_size": 0, "length": 4, "labels": True, "folder": str(tmp_path)})
    source = made_source()
    spec = measured_spec(source, data)
    assert spec.num_examples == N and spec.fields["label"] == LABEL.replace(classes=2)
    assert spec.fields["series"].shape == (4, 2) and spec.fields["series"].rate == 50
    batch = Pipeline(source, seed=0, batch_size=3, length=4, labels=True).batch(0)
    for name, like in spec.batch(3).items():
        assert (batch[name].shape, batch[name].dtype) == (like.shape, like.dtype)


def test_training_sees_any_window_and_evaluation_the_middle():
    source = made_source(steps=10)
    seen = Pipeline(source, seed=0, batch_size=N, length=4).batch(0)
    starts = []
    for value, number in zip(seen["series"], seen["id"], strict=True):
        whole = source.arrays["series"][number]
        (start,) = [s for s in range(7) if (whole[s : s + 4] == value).all()]
        starts.append(start)
    assert len(set(starts)) > 3
    (middle,) = epoch(source, N, length=4)
    np.testing.assert_array_equal(middle["series"], source.arrays["series"][:, 3:7])
    np.testing.assert_array_equal(middle["table"], source.arrays["table"])


def test_a_shorter_series_is_padded_with_its_mean():
    value = np.array([[1.0, 2.0]], np.float32)
    padded = Window(3, (5.0, 6.0))(value, None)
    assert padded.tolist() == [[1, 2], [5, 6], [5, 6]] and padded.dtype == np.float32
    assert Window(2)(value, None).tolist() == [[1, 2], [0, 0]]


def test_fields_change_the_fingerprint():
    one, two = made_source(), made_source()
    assert one.fingerprint() == two.fingerprint()
    two.arrays["table"][0, 0] += 1
    assert one.fingerprint() != made_source(steps=9).fingerprint()
    fresh = ArraySource({k: two.fields[k] for k in ("series", "table")}, two.arrays, OPTIONS)
    assert one.fingerprint() != fresh.fingerprint()


def test_arrays_that_do_not_fit():
    field = Field("table", (3,), "float32")
    with pytest.raises(ValueError, match=r"'table' is float64\[2, 3\], its field float32\[n, 3\]"):
        ArraySource({"table": field}, {"table": np.zeros((2, 3))}, OPTIONS)
    arrays = {"table": np.zeros((2, 3), np.float32), "label": np.zeros(3)}
    with pytest.raises(UserError, match="differ in length"):
        ArraySource({"table": field}, arrays, OPTIONS)
    with pytest.raises(UserError, match="length must be at least 1"):
        Pipeline(made_source(), seed=0, batch_size=2, length=0)
