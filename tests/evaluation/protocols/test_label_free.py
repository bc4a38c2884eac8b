import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.evaluation.measure import measure
from ssljax.evaluation.protocols.changed import OneView, changed_features, view_of
from ssljax.evaluation.protocols.label_free import LabelFree
from ssljax.evaluation.spectrum import alpha_req, rankme
from tests.evaluation.protocols.subjects import FIELD, subject_of, three_of

SMALL = LabelFree(examples=60, views=3)


def test_numbers_of_the_pixels(digits):
    found = measure({"label_free": SMALL}, three_of(digits))["label_free"]
    numbers = {name: one["value"] for name, one in found["pretrained"]["numbers"].items()}
    pixels = digits[0] * 16
    assert numbers["RankMe"] == pytest.approx(rankme(pixels), rel=0.01)
    assert numbers["alpha-ReQ"] == pytest.approx(alpha_req(pixels).alpha, rel=0.02)
    assert found["pretrained"]["alpha_req"]["ranks"][0] == 4
    assert 1 < numbers["LiDAR"] < 59
    assert 0 < numbers["alignment"] < 2
    assert -4 < numbers["uniformity"] < 0
    assert next(iter(numbers)) == LabelFree.main
    two = found["random_init"]
    assert two["numbers"]["RankMe"]["value"] <= 2.01
    assert two["notes"] == ["alpha-ReQ needs 6 directions with variance"]


def test_it_needs_no_labels_and_is_repeatable(digits):
    subject = subject_of(digits, labels=False)
    assert SMALL.measure(subject) == SMALL.measure(subject_of(digits))


def test_collapsed_features(digits):
    def encode(images, output):
        return jnp.broadcast_to(jnp.arange(1.0, 8), (len(images), 7))

    found = SMALL.measure(subject_of(digits, encode=encode, outputs={"": (7,)}))
    assert found["numbers"]["alignment"]["value"] == pytest.approx(0, abs=1e-9)
    assert found["numbers"]["LiDAR"]["value"] == 0
    assert found["numbers"]["spread"]["value"] == pytest.approx(0, abs=1e-6)
    assert found["numbers"]["uniformity"]["value"] == pytest.approx(0, abs=1e-6)


def test_use_of_prototypes(digits):
    def encode(images, output):
        if output == "assignments/image":
            first = images.reshape(len(images), -1)[:, 20] > 0.5
            return 50.0 * jax.nn.one_hot(first.astype(int), 4)
        return images.reshape(len(images), -1)

    subject = subject_of(digits, encode=encode, outputs={"": (64,), "assignments/image": (4,)})
    numbers = SMALL.measure(subject)["numbers"]
    assert numbers["assignments, used"]["value"] == 0.5
    assert numbers["assignments, conditional"]["value"] == pytest.approx(0, abs=1e-9)
    share = np.mean(np.clip(digits[0][:, 20] * 16, 0, 255).astype(np.uint8) / 255 > 0.5)
    entropy = -share * np.log(share) - (1 - share) * np.log(1 - share)
    assert numbers["assignments, marginal"]["value"] == pytest.approx(entropy / np.log(4), rel=1e-5)


def test_a_view_depends_on_its_key_and_example_alone(digits):
    subject = subject_of(digits)
    view = view_of(subject, 3)
    assert isinstance(view, OneView) and hash(view) == hash(view_of(subject, 3))
    change = functools.partial(view, jax.random.key(5))
    some = changed_features(subject, "train", change, order=np.array([7, 300, 2]))
    whole = changed_features(subject, "train", change, order=np.arange(301))
    assert some.ids.tolist() == [2, 7, 300]
    np.testing.assert_allclose(some.features, whole.features[[2, 7, 300]], atol=1e-5)
    plain = subject.features("train").features[:301]
    assert np.abs(whole.features - plain).mean() > 0.01
    assert whole.features.min() > -0.01 and whole.features.max() < 1.01  # in the data's units
    assert view.field is FIELD
