"""Sources of tables and series, opened as a run opens them."""

import numpy as np
import pytest

from ssljax.data import Pipeline, open_source
from ssljax.data.prepare.ucr import read_ucr
from ssljax.data.sources.arrays import save
from ssljax.data.sources.packaged import file_of
from ssljax.errors import MissingSplit, UserError
from tests.data.wheels import TS_HEADER, ucr_files, write_wheel


@pytest.fixture
def prepared(tmp_path):
    """A data directory that has ucr:Two."""
    wheel = tmp_path / "wheel"
    write_wheel(wheel, "aeon", "1.6.0", ucr_files())
    file = file_of("ucr:Two", tmp_path)
    file.parent.mkdir()
    save(read_ucr(next(wheel.iterdir()), "Two"), file)
    return str(tmp_path)


def test_a_prepared_set(prepared):
    train = open_source("ucr:Two", data_dir=prepared)
    assert train.fields["series"].shape == (4, 2) and "label" in train.fields
    assert train.class_names == ("fast", "slow") and train.num_classes == 2
    mean = train.fields["series"].mean
    np.testing.assert_allclose(train[0]["series"][3], mean)  # after its end
    np.testing.assert_allclose(train[0]["series"][1], [2, mean[1]])  # a missing value
    test = open_source("ucr:Two", split="test", data_dir=prepared)
    assert test.fields == train.fields and len(test) == 1
    assert test.fingerprint()["content"] != train.fingerprint()["content"]


def test_names_that_are_not_prepared(prepared):
    with pytest.raises(UserError, match="'ucr:Tow' is not prepared in .* data prepare ucr:Tow"):
        open_source("ucr:Tow", data_dir=prepared)
    with pytest.raises(UserError, match="unknown set of uci: 'adlt'; did you mean 'adult'"):
        open_source("uci:adlt", data_dir=prepared)
    with pytest.raises(UserError, match=r"names no data set; write ucr:NAME"):
        open_source("ucr:../Two", data_dir=prepared)
    with pytest.raises(MissingSplit, match="no split 'validation'; it has: test, train"):
        open_source("ucr:Two", split="validation", data_dir=prepared)


def test_users_own_files(tmp_path):
    (tmp_path / "x.csv").write_text("a,b,c\n1,x,no\n3,y,yes\n")
    (tmp_path / "x.ts").write_text(TS_HEADER + "1,2,3:4,5,6:slow\n")
    np.savez(tmp_path / "x.npz", table=np.ones((2, 3)), label=np.array([0, 1]))
    np.savez(tmp_path / "y.npz", image=np.zeros((2, 4, 4), np.uint8))
    table = open_source(f"csv:{tmp_path}/x.csv?label=c")
    assert table.fields["table"].cardinalities == (0, 3) and table.class_names == ("no", "yes")
    assert open_source(f"ts:{tmp_path}/x.ts").fields["series"].shape == (3, 2)
    assert open_source(f"npz:{tmp_path}/x.npz").fields["table"].shape == (3,)
    assert open_source(f"npz:{tmp_path}/y.npz").fields["image"].shape == (4, 4, 1)


def test_batches_hold_the_fields(tmp_path):
    series = np.random.default_rng(0).normal(size=(8, 5, 2)).astype(np.float32)
    np.savez(tmp_path / "x.npz", series=series, label=np.arange(8) % 2)
    pipeline = Pipeline(open_source(f"npz:{tmp_path}/x.npz"), seed=0, batch_size=4, labels=True)
    batch = pipeline.batch(1)
    np.testing.assert_array_equal(batch["series"], series[batch["id"]])
    assert (batch["label"] == batch["id"] % 2).all()
