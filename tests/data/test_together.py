"""Batches of several examples of each label, and labels that are groups."""

import numpy as np
import pytest

from ssljax.data import ArraySource, ByGroup, Pipeline, Together, open_source
from ssljax.errors import UserError

LABELS = np.random.default_rng(0).permutation(np.repeat(np.arange(-1, 6), [4, 2, 9, 5, 3, 6, 11]))


def batches(steps, seed=0, **changes):
    options = {"labels": LABELS, "count": 3} | changes
    order = Together(**options)
    return [order.ids(step, 6, seed) for step in range(steps)]


def test_each_batch_has_as_many_of_each_of_its_labels():
    for ids in batches(100):
        found, counts = np.unique(LABELS[ids], return_counts=True)
        assert counts.tolist() == [3, 3] and len(set(ids.tolist())) == 6
        assert found.min() >= 1  # -1 is none, and of 0 there are two only
        assert (LABELS[ids].reshape(2, 3) == LABELS[ids][::3, None]).all()


def test_an_epoch_has_each_label_once_and_all_examples_come_equally_often():
    found = batches(3000)
    for epoch in range(0, 3000, 2):  # five labels make two batches, and one is left out
        labels = np.concatenate([LABELS[ids][::3] for ids in found[epoch : epoch + 2]])
        assert len(set(labels.tolist())) == 4
    for label in range(1, 6):
        counts = np.bincount(np.concatenate(found), minlength=len(LABELS))[LABELS == label]
        np.testing.assert_allclose(counts, counts.mean(), rtol=0.2)


def test_a_batch_is_a_function_of_seed_and_step():
    one, two = batches(20), batches(20)
    assert all((a == b).all() for a, b in zip(one, two, strict=True))
    assert any((a != b).any() for a, b in zip(one, batches(20, seed=1), strict=True))


def test_what_cannot_be_made_is_refused():
    with pytest.raises(UserError, match="per_label=4 must divide batch_size=6"):
        Together(LABELS, 4).require(6)
    with pytest.raises(UserError, match="needs 4 labels of at least 6 examples each.* have 3"):
        Together(LABELS, 6).require(24)
    Together(LABELS, 6).require(18)


@pytest.fixture
def voices(tmp_path):
    """Ten series of four speakers."""
    series = np.arange(80, dtype=np.float32).reshape(10, 4, 2)
    group = np.array(["bo", "al", "cy", "al", "bo", "cy", "bo", "al", "di", "cy"])
    np.savez(tmp_path / "a.npz", series=series, label=np.arange(10) % 2, group=group)
    return open_source(f"npz:{tmp_path}/a.npz")


def test_groups_become_labels(voices):
    source = ByGroup(voices)
    assert source.class_names == ("al", "bo", "cy", "di") and source.num_classes == 4
    assert source.fields["label"].classes == 4
    np.testing.assert_array_equal(source.labels, [1, 0, 2, 0, 1, 2, 1, 0, 3, 2])
    assert source[2]["label"] == 2
    np.testing.assert_array_equal(source[2]["series"], voices[2]["series"])
    assert source.fingerprint() != voices.fingerprint()
    pipeline = Pipeline(
        source, seed=0, batch_size=4, labels=True, together=Together(source.labels, 2)
    )
    batch = pipeline.batch(3)
    np.testing.assert_array_equal(batch["label"], source.labels[batch["id"]])
    assert batch["label"][0] == batch["label"][1] != batch["label"][2] == batch["label"][3]
    assert pipeline.fingerprint()["per_label"] == 2
    halves = [
        Pipeline(
            source,
            seed=0,
            batch_size=4,
            labels=True,
            rows=rows,
            together=Together(source.labels, 2),
        ).batch(3)["id"]
        for rows in ([0, 1], [2, 3])
    ]
    np.testing.assert_array_equal(np.concatenate(halves), batch["id"])


def test_a_set_without_groups_is_refused(digits):
    assert isinstance(digits, ArraySource)
    with pytest.raises(UserError, match="does not say who or what its examples are of"):
        ByGroup(digits)
