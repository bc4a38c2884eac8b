import json

import numpy as np
import pytest
import sklearn.covariance
import sklearn.metrics
import sklearn.neighbors

from ssljax.errors import UserError
from ssljax.evaluation.measure import measure
from ssljax.evaluation.protocols.anomaly import Anomaly
from ssljax.evaluation.subject import NotMeasured
from tests.evaluation.protocols.subjects import subject_of, three_of


def test_each_class_is_normal_in_turn(digits):
    found = measure({"anomaly": Anomaly()}, three_of(digits))["anomaly"]
    subject = subject_of(digits)
    train, test = subject.features("train"), subject.features("test")
    unit = [one.features / np.linalg.norm(one.features, axis=1)[:, None] for one in (train, test)]
    expected = {"k-NN": [], "Mahalanobis": []}
    for label in range(10):
        anomalous = test.labels != label
        index = sklearn.neighbors.NearestNeighbors(n_neighbors=5)
        near = index.fit(unit[0][train.labels == label]).kneighbors(unit[1])[0].mean(axis=1)
        fitted = sklearn.covariance.LedoitWolf().fit(train.features[train.labels == label])
        for name, scores in (("k-NN", near), ("Mahalanobis", fitted.mahalanobis(test.features))):
            expected[name].append(sklearn.metrics.roc_auc_score(anomalous, scores))
    for name, areas in expected.items():
        one = found["pretrained"]["numbers"][f"AUROC, {name} distance"]
        assert one["value"] == pytest.approx(np.mean(areas), abs=1e-3)
        assert one["interval"][0] < one["value"] < one["interval"][1]
        assert list(found["pretrained"]["classes"][name].values()) == pytest.approx(areas, abs=1e-3)
    assert found == json.loads(json.dumps(found))
    gain = found["gains"]["random_init"][Anomaly.main]
    random = found["random_init"]["numbers"][Anomaly.main]
    ours = found["pretrained"]["numbers"][Anomaly.main]
    assert gain["difference"] == pytest.approx(ours["value"] - random["value"])
    assert 0 < gain["interval"][0] < gain["difference"] < gain["interval"][1]
    assert found["gains"]["raw_input"][Anomaly.main] == {"difference": 0, "interval": [0, 0]}
    assert random["value"] < found["pretrained"]["numbers"][Anomaly.main]["interval"][0]


def test_a_given_class_is_normal(digits):
    # As of solar cells: three degrees of a defect, and intact ones.
    train, labels, test, test_labels = digits
    grouped = (train, np.minimum(labels, 3), test, np.minimum(test_labels, 3))
    found = Anomaly(normal=0).measure(subject_of(grouped))
    assert list(found["classes"]["k-NN"]) == ["0"]
    assert found["numbers"][Anomaly.main]["value"] > 0.95
    with pytest.raises(UserError, match=r"anomaly.normal=4 is no class of train.*0, 1, 2, 3"):
        Anomaly(normal=4).measure(subject_of(grouped))


def test_classes_that_cannot_be_normal(digits):
    train, labels, test, test_labels = digits
    odd = np.where(np.arange(len(labels)) == 5, 77, labels)
    found = Anomaly().measure(subject_of((train, odd, test, test_labels)))
    assert "77" not in found["classes"]["k-NN"]
    assert found["notes"] == [
        "1 classes with fewer than 2 examples in train or none in test are never the normal one"
    ]
    with pytest.raises(NotMeasured, match="class 77 needs 2 examples"):
        Anomaly(normal=77).measure(subject_of((train, odd, test, test_labels)))
    with pytest.raises(NotMeasured, match="no class has 2 examples"):
        Anomaly().measure(subject_of((train, labels * 0, test, test_labels * 0)))
    with pytest.raises(NotMeasured, match="labels"):
        Anomaly().measure(subject_of(digits, labels=False))
