import functools
import json

import jax
import numpy as np
import pytest

from ssljax.evaluation.measure import measure
from ssljax.evaluation.protocols.changed import changed_features
from ssljax.evaluation.protocols.probes import fitted
from ssljax.evaluation.protocols.robustness import Corrupted, Robustness
from ssljax.ops import degrade
from ssljax.ops.keys import key_for
from tests.evaluation.protocols.subjects import FIELD, subject_of, three_of


@pytest.fixture(scope="module")
def found(digits):
    return measure({"robustness": Robustness(probe="knn")}, three_of(digits))["robustness"]


def test_accuracy_falls_with_the_strength(found):
    numbers = found["pretrained"]["numbers"]
    assert list(numbers)[:2] == ["mean corrupted accuracy", "clean accuracy"]
    assert set(numbers) - {*list(numbers)[:2]} == {
        "noise",
        "blur",
        "contrast",
        "occlusion",
        "rotation",
    }
    grid = found["pretrained"]["strengths"]
    for kind in ("noise", "occlusion", "rotation"):
        accuracies = [grid[kind][str(s)]["accuracy"] for s in range(1, 6)]
        assert numbers["clean accuracy"]["value"] >= accuracies[0] > accuracies[4] + 0.05
        assert accuracies == sorted(accuracies, reverse=True) or kind == "noise"
        assert numbers[kind]["value"] == pytest.approx(np.mean(accuracies))
    means = [numbers[kind]["value"] for kind in grid]
    main = numbers["mean corrupted accuracy"]
    assert main["value"] == pytest.approx(np.mean(means))
    assert main["interval"][0] < main["value"] < main["interval"][1]
    gains = found["gains"]["random_init"]
    random = found["random_init"]["numbers"]["mean corrupted accuracy"]
    assert gains["mean corrupted accuracy"]["difference"] == pytest.approx(
        main["value"] - random["value"]
    )
    assert "clean accuracy" in gains and found == json.loads(json.dumps(found))


def test_one_strength_by_hand(digits, found):
    subject = subject_of(digits)
    images = np.stack([one["image"][one["valid"]] for one in [next(subject.examples.read("test"))]])
    key = key_for(0, "image, contrast", 0)
    pixels = jax.numpy.asarray(images[0]) / 255
    made = np.stack([degrade.image_contrast(key, one, 3) for one in pixels[:20]])
    made = np.round(made * 255) / 255
    change = functools.partial(Corrupted("image", "contrast", FIELD), key, 3, None)
    features = changed_features(subject, "test", change)
    np.testing.assert_allclose(features.features[:20], made.reshape(20, -1), atol=1.01 / 255)


def test_all_encoders_and_runs_see_the_same_examples(found, digits):
    assert found["pretrained"]["strengths"] == found["raw_input"]["strengths"]  # both the pixels
    other = Robustness(probe="knn").measure(subject_of(digits, seed=5))
    assert other["strengths"] == found["pretrained"]["strengths"]


def test_probes(clusters):
    features, labels = clusters
    for probe in ("linear", "knn"):
        predict, about = fitted(probe, features[:150], labels[:150], seed=0)
        assert np.mean(predict(features[150:]) == labels[150:]) > 0.95
        assert set(about) == ({"l2"} if probe == "linear" else {"k"})
    predict, about = fitted("linear", features[:4], labels[:4], seed=0)  # one of each class
    assert about == {"l2": 1.0} and (predict(features[:4]) == labels[:4]).all()
