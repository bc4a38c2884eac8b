"""Few-shot episodes: by hand, and against loops."""

import json

import numpy as np
import pytest

from ssljax.evaluation.measure import measure
from ssljax.evaluation.protocols import build_protocol
from ssljax.evaluation.protocols.episodes import accuracy, draw, members
from ssljax.evaluation.subject import NotMeasured
from tests.evaluation.protocols.subjects import subject_of, three_of


def test_an_episode_by_hand():
    """Prototypes at 1 and 5 of supports (0, 2) and (4, 6): what is below 3 is of the first class.

    Of the first, 2.5 is told and 3.5 is not; of the second, both 9 and 4 are.
    """
    rows = np.array([[0.0], [2.0], [2.5], [3.5], [4.0], [6.0], [9.0], [4.0]])
    assert accuracy(rows, np.arange(8).reshape(2, 4), shots=2) == 0.75
    assert accuracy(np.zeros((8, 1)), np.arange(8).reshape(2, 4), shots=2) == 0.5  # collapsed


def test_episodes_against_loops():
    rng = np.random.default_rng(0)
    rows, labels = rng.normal(size=(60, 3)), np.arange(60) % 5 - 1
    classes = members(labels, 12)
    assert [labels[one[0]] for one in classes] == [0, 1, 2, 3]  # -1 is no class
    assert members(labels, 13) == []
    for shots in (1, 3):
        episode = draw(classes, 3, 10, rng)
        assert len(np.unique(episode)) == 30
        assert all(len({*labels[one]}) == 1 for one in episode)
        right = 0
        for own, positions in enumerate(episode):
            for query in positions[shots:]:
                distances = []
                for other in episode:
                    prototype = sum(rows[one] for one in other[:shots]) / shots
                    distances.append(sum((rows[query] - prototype) ** 2))
                right += int(np.argmin(distances) == own)
        assert accuracy(rows, episode, shots) == pytest.approx(right / (3 * (10 - shots)))


def test_encoders_are_compared_on_the_same_episodes(digits):
    protocol = build_protocol("episodes", {"queries": 5, "episodes": 40, "scaled": "l2"})
    found = measure({"episodes": protocol}, three_of(digits))["episodes"]
    json.dumps(found)
    one, five = found["pretrained"]["numbers"].values()
    assert list(found["pretrained"]["numbers"]) == [f"accuracy, 5 way {k} shot" for k in (1, 5)]
    assert 0.2 < one["value"] < five["value"] and found["pretrained"]["chance"] == 0.2
    assert one["interval"][0] < one["value"] < one["interval"][1]
    # The raw input is the pixels, too: no episode differs.
    assert found["gains"]["raw_input"][protocol.main] == {"difference": 0, "interval": [0, 0]}
    assert found["gains"]["random_init"][protocol.main]["difference"] > 0


def test_features_are_scaled_as_asked(digits):
    pixels, shifted = subject_of(digits), subject_of(digits, encode=_shifted)
    values = {}
    for scaled in ("cl2", "l2", ""):
        protocol = build_protocol("episodes", {"queries": 5, "episodes": 20, "scaled": scaled})
        values[scaled] = [
            protocol.measure(one)["numbers"][protocol.main] for one in (pixels, shifted)
        ]
    assert values["cl2"][0]["draws"] == pytest.approx(values["cl2"][1]["draws"])
    assert values[""][0]["draws"] == pytest.approx(
        values[""][1]["draws"]
    )  # differences alone count
    assert values["l2"][0]["draws"] != values["l2"][1]["draws"]


def _shifted(images, output):
    return images.reshape(len(images), -1) + 3.0


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"ways": 11}, "10 of 10 classes have 1 . 15 test examples, and an episode takes 11"),
        ({"queries": 1000}, "0 of 10 classes have 1 . 1000 test examples"),
    ],
)
def test_too_few_examples_are_said(digits, fields, said):
    with pytest.raises(NotMeasured, match=said):
        build_protocol("episodes", fields).measure(subject_of(digits))


def test_labels_are_needed(digits):
    with pytest.raises(NotMeasured, match="it needs labels"):
        build_protocol("episodes", {}).measure(subject_of(digits, labels=False))
