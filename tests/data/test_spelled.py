"""Labels that are the letters of the names of classes."""

import copy
import doctest

import numpy as np
import pytest

from ssljax.data import Pipeline, open_source, spelled_classes
from ssljax.data.sources import spelled
from ssljax.errors import UserError
from ssljax.spec import target_kind


@pytest.fixture
def words(tmp_path):
    """Six series of three words."""
    series = np.arange(48, dtype=np.float32).reshape(6, 4, 2)
    names = np.array(["no", "yes", "on", "no", "on", "yes"])
    np.savez(tmp_path / "a.npz", series=series, label=names)
    return open_source(f"npz:{tmp_path}/a.npz")


def test_words_become_their_letters(words):
    source = spelled_classes(words, np.array([0, 2, 1, 0, 1, -1]))
    assert source.class_names == tuple("enosy")
    field = source.fields["label"]
    assert target_kind(field) == "letters" and field.shape == (3,) and field.vocab == 5
    spelled_ = ["".join(source.class_names[k] for k in row if k >= 0) for row in source.labels]
    assert spelled_ == ["no", "yes", "on", "no", "on", ""]
    batch = Pipeline(source, seed=0, batch_size=4, labels=True).batch(0)
    np.testing.assert_array_equal(batch["label"], source.labels[batch["id"]])
    assert batch["label"].dtype == np.int32
    assert source.fingerprint() != words.fingerprint()


def test_classes_without_names_are_refused(digits):
    nameless = copy.copy(digits)
    nameless.class_names = None
    with pytest.raises(UserError, match="the classes of .* have no names to be spelled"):
        spelled_classes(nameless, np.zeros(len(digits), int))


def test_the_example_of_the_docstring():
    assert not doctest.testmod(spelled).failed
