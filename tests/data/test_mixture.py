"""Several data sets as one, and which of them each batch is of."""

import numpy as np
import pytest

from ssljax.data import Joined, Mixture, Pipeline, mixture_of, open_source
from ssljax.data.mixture import PERIOD
from ssljax.errors import UserError


def source_of(folder, name, count, shape=(4, 4, 1), start=0, **arrays):
    images = np.broadcast_to(np.arange(start, start + count).reshape(-1, 1, 1, 1), (count, *shape))
    np.savez(folder / f"{name}.npz", image=images.astype(np.uint8), **arrays)
    return open_source(f"npz:{folder / name}.npz")


@pytest.mark.parametrize("weights", [(1.0, 1.0), (3.0, 1.0), (0.2, 0.7, 0.1), (1.0, 1e-6)])
def test_each_source_has_its_share_of_the_steps(weights):
    mixture = Mixture((100,) * len(weights), weights)
    found = [mixture.at(step) for step in range(2 * PERIOD)]
    sources = np.array([source for source, _ in found])
    for number, weight in enumerate(weights):
        share = max(1, round(weight / sum(weights) * PERIOD))
        own = [step for source, step in found if source == number]
        assert own == list(range(len(own))) and abs(len(own) - 2 * share) <= 2
        ahead = np.cumsum(sources == number) - np.arange(1, 1 + len(found)) * len(own) / len(found)
        assert np.abs(ahead).max() < len(weights)
        assert np.count_nonzero(sources[:PERIOD] == number) * 2 == len(own)


def test_a_batch_is_of_one_source_which_is_walked_epoch_by_epoch():
    mixture = Mixture((12, 20), (2.0, 1.0))
    seen = {0: [], 1: []}
    for step in range(15):
        ids = mixture.ids(step, 4, seed=3)
        source, _ = mixture.at(step)
        assert np.all((ids < 12) == (source == 0)) and ids.max() < 32
        seen[source] += ids.tolist()
    assert len(seen[0]) == 40 and sorted(seen[0][:12]) == list(range(12))
    assert len(seen[1]) == 20 and sorted(seen[1]) == list(range(12, 32))


def test_the_first_source_is_walked_as_it_is_alone(tmp_path):
    one, two = source_of(tmp_path, "one", 12), source_of(tmp_path, "two", 20)
    joined = Joined([one, two])
    mixture = mixture_of(joined.counts, (1.0, 1.0), 4)
    mixed = Pipeline(joined, seed=5, batch_size=4, mixture=mixture)
    alone = Pipeline(one, seed=5, batch_size=4)
    for step in range(20):
        source, own = mixture.at(step)
        if source == 0:
            np.testing.assert_array_equal(mixed.ids(step), alone.ids(own))


@pytest.mark.parametrize("size", [None, 3])
def test_batches_hold_the_examples_of_their_source(tmp_path, size):
    joined = Joined([source_of(tmp_path, "one", 12), source_of(tmp_path, "two", 20, start=100)])
    mixture = mixture_of(joined.counts, (1.0, 2.0), 4)
    pipeline = Pipeline(joined, seed=0, batch_size=4, mixture=mixture, image_size=size)
    batches = [pipeline.batch(step) for step in range(6)]
    for step, batch in enumerate(batches):
        values = batch["image"][:, 0, 0, 0].astype(int)
        expected = np.where(batch["id"] < 12, batch["id"], batch["id"] - 12 + 100)
        np.testing.assert_array_equal(values, expected)
        np.testing.assert_array_equal(batch["id"], pipeline.ids(step))
    for one, other in zip(pipeline.iterate(2, 6), batches[2:], strict=True):
        np.testing.assert_array_equal(one["image"], other["image"])


def test_examples_of_any_source_are_gathered_in_the_order_asked_for(tmp_path):
    joined = Joined([source_of(tmp_path, str(n), 3, start=10 * n) for n in range(3)])
    asked = np.array([8, 0, 4, 3, 2, 7])
    found = joined.gather(asked)["image"][:, 0, 0, 0]
    np.testing.assert_array_equal(found, [22, 0, 11, 10, 2, 21])
    one_by_one = [joined[index]["image"][0, 0, 0] for index in asked]
    np.testing.assert_array_equal(found, one_by_one)


def test_fingerprints_name_all_sources_and_weights(tmp_path):
    one, two = source_of(tmp_path, "one", 12), source_of(tmp_path, "two", 20)
    third = source_of(tmp_path, "third", 20, start=1)

    def fingerprint(*sources, weight=1.0):
        joined = Joined(sources)
        mixture = mixture_of(joined.counts, (1.0, weight), 4)
        return Pipeline(joined, seed=0, batch_size=4, mixture=mixture).fingerprint()

    assert fingerprint(one, two) == fingerprint(one, two)
    others = [fingerprint(one, third), fingerprint(two, one), fingerprint(one, two, weight=2.0)]
    assert all(other != fingerprint(one, two) for other in others)


def test_labels_are_kept_where_all_have_the_same_classes(tmp_path):
    def labelled(name, *classes):
        return source_of(tmp_path, name, 2, label=np.array(classes))

    same = Joined([labelled("one", "a", "b"), labelled("two", "b", "a")])
    assert same.class_names == ("a", "b") and same.gather(np.array([1, 2]))["label"].tolist() == [
        1,
        1,
    ]
    other = Joined([labelled("one", "a", "b"), labelled("two", "c", "b")])
    assert other.class_names is None and set(other.fields) == {"image"}
    assert set(other[0]) == set(other.gather(np.array([0, 3]))) == {"image"}


def test_what_cannot_be_mixed_is_named(tmp_path):
    one = source_of(tmp_path, "one", 12)
    with pytest.raises(UserError, match="'image' is image 4x4x1 uint8 in the first and image 5x4"):
        Joined([one, source_of(tmp_path, "two", 3, shape=(5, 4, 1))])
    texts = source_of(tmp_path, "two", 2, text=np.array(["a", "b"]))
    with pytest.raises(UserError, match="'text' is absent in the first and text mixed lengths str"):
        Joined([one, texts])
    with pytest.raises(UserError, match="the smallest of the mixed data sets has 12 examples"):
        mixture_of((12, 20), (1.0, 1.0), 16)
