"""What every protocol shares: names, settings, rows, differences, the printed table."""

import dataclasses
import json
import pathlib
import re
import sys
import types

import numpy as np
import pytest

from ssljax.errors import UserError
from ssljax.evaluation import table, with_earlier
from ssljax.evaluation.measure import lines, measure, require_measured
from ssljax.evaluation.protocols import PROTOCOLS, Protocol, build_protocol, number, protocol_class
from ssljax.evaluation.protocols.base import rate
from ssljax.evaluation.subject import NotMeasured
from tests.evaluation.protocols.subjects import subject_of, three_of

ROWS = ("pretrained", "random_init", "raw_input")
ROOT = pathlib.Path(__file__).parents[3]


@dataclasses.dataclass(frozen=True)
class Nearest(Protocol):
    """Accuracy of the nearest class mean, and the dimension."""

    main = "accuracy"
    scale: float = 1.0

    def measure(self, subject):
        if subject.row == "raw_input" and self.scale > 1:
            raise NotMeasured("raw input has no scale")
        subject.require_labels()
        train, test = subject.features("train"), subject.features("test")
        classes = np.unique(train.labels)
        means = np.stack([train.features[train.labels == one].mean(0) for one in classes])
        distance = ((test.features[:, None] - means) ** 2).sum(-1)
        right = classes[distance.argmin(1)] == test.labels
        return {"numbers": {"accuracy": rate(right), "dimension": number(means.shape[1])}}


@pytest.fixture(scope="module")
def found(digits):
    return measure({"nearest": Nearest()}, three_of(digits))


@dataclasses.dataclass(frozen=True)
class Refused(Protocol):
    main = "accuracy"

    def measure(self, subject):
        raise UserError("there is no class 17; choose one of 0, 1")


def test_a_protocol_that_fails_keeps_the_others_from_nothing(digits, found):
    both = measure({"refused": Refused(), "nearest": Nearest()}, three_of(digits))
    accuracies = [
        one["nearest"]["pretrained"]["numbers"]["accuracy"]["value"] for one in (both, found)
    ]
    assert accuracies[0] == accuracies[1]
    require_measured(found)
    with pytest.raises(UserError, match="protocol refused: there is no class 17"):
        require_measured(json.loads(json.dumps(both)))


def test_every_protocol_has_a_line_a_main_number_and_checked_settings():
    assert "few_shot" in PROTOCOLS
    for name in PROTOCOLS:
        cls = protocol_class(name)
        assert issubclass(cls, Protocol) and isinstance(cls.main, str)
        assert build_protocol(name, {}) == cls()
        with pytest.raises(UserError, match=f"protocols.{name}.*'?nonsense"):
            build_protocol(name, {"nonsense": 1})
    with pytest.raises(UserError, match="unknown protocol 'few_shots'; did you mean 'few_shot'"):
        build_protocol("few_shots", {})
    with pytest.raises(UserError, match="did you mean .*few_shot.draws"):
        build_protocol("few_shot", {"draw": 3})
    with pytest.raises(UserError, match=r"few_shot.draws=1; it must be at least 2"):
        build_protocol("few_shot", {"draws": 1})


def test_rows_settings_seconds_and_differences(found):
    result = found["nearest"]
    assert found == json.loads(json.dumps(found, allow_nan=False))
    assert result["settings"] == {"scale": 1.0}
    accuracies = {row: result[row]["numbers"]["accuracy"] for row in result if "numbers" in row}
    assert all("correct" not in one for one in accuracies.values())
    pretrained, random = (result[row]["numbers"] for row in ("pretrained", "random_init"))
    assert pretrained["accuracy"]["value"] > 0.85 > 0.7 > random["accuracy"]["value"]
    assert random["dimension"]["value"] == 2 and result["pretrained"]["seconds"] >= 0
    gain = result["gains"]["random_init"]["accuracy"]
    expected = pretrained["accuracy"]["value"] - random["accuracy"]["value"]
    assert gain["difference"] == pytest.approx(expected) and gain["interval"][0] > 0.1
    assert result["gains"]["raw_input"]["accuracy"]["difference"] == 0


def test_the_printed_table(found):
    head, first, second, *rest = lines(found)
    assert head.split() == "protocol number pretrained random init raw input seconds".split()
    assert first.startswith("nearest") and first.count("±") == 3
    assert second.split()[0] == "dimension" and second.split()[1:] == ["64", "2", "64"]
    assert any("no measurable difference to raw input" in line for line in rest)
    assert not any("random init" in line for line in rest)


@dataclasses.dataclass(frozen=True)
class Drawn(Protocol):
    main = "score"

    def measure(self, subject):
        draws = [0.7, 0.5, 0.6] if subject.row == "pretrained" else [0.6, 0.42, 0.51]
        scores = {"score": number(np.mean(draws), (0, 1), unit="%", draws=draws)}
        resamples = np.array(draws) + [0, 1, 2]  # what all share cancels
        scores["other"] = number(0.9 - (subject.row != "pretrained"), resamples=resamples)
        return {"numbers": scores, "notes": ["of three draws"]}


def test_differences_over_draws_are_of_each_draw(digits):
    found = measure({"drawn": Drawn()}, three_of(digits))
    gain = found["drawn"]["gains"]["random_init"]["score"]
    assert gain["difference"] == pytest.approx(0.09)
    # Student's t with 2 degrees: 4.303 times a deviation of 0.01 over sqrt(3).
    assert gain["interval"] == pytest.approx([0.09 - 0.02484, 0.09 + 0.02484], abs=1e-4)
    other = found["drawn"]["gains"]["random_init"]["other"]
    assert other["difference"] == pytest.approx(1)
    assert other["interval"] == pytest.approx(np.percentile([0.1, 0.08, 0.09], [2.5, 97.5]))
    assert "resamples" not in found["drawn"]["pretrained"]["numbers"]["other"]
    assert [line for line in lines(found) if "three" in line] == ["note: drawn: of three draws"]


@pytest.mark.parametrize(
    ("better", "unit", "said"),
    [
        ("higher", "%", "WARNING: x: pretrained is below raw input (y; 95% interval of the "
         "difference -20.0 to -10.0)"),
        ("lower", "", None),
        ("", "", None),
    ],
)  # fmt: skip
def test_which_way_is_better(better, unit, said):
    rows = {row: {"numbers": {"y": number(1, unit=unit, better=better)}} for row in ROWS}
    gains = {"raw_input": {"y": {"difference": -0.15, "interval": [-0.2, -0.1]}}}
    printed = lines({"x": {**rows, "gains": gains}})[3:]
    assert printed == ([said] if said else [])
    gains["raw_input"]["y"]["interval"] = [0.1, 0.2]
    (*warned,) = lines({"x": {**rows, "gains": gains}})[3:]
    above = "WARNING: x: pretrained is above raw input (y; 95% interval of the difference +0.1 to "
    assert warned == ([f"{above}+0.2)"] if better == "lower" else [])


def test_what_makes_no_sense_is_said(digits):
    found = measure({"nearest": Nearest(scale=2)}, three_of(digits))
    assert found["nearest"]["raw_input"] == {"not_measured": "raw input has no scale"}
    assert set(found["nearest"]["gains"]["raw_input"]) == set()
    text = "\n".join(lines(found))
    assert "nearest of raw input not measured: raw input has no scale" in text
    unlabelled = measure({"nearest": Nearest()}, three_of(digits, labels=False))
    assert "needs labels" in unlabelled["nearest"]["pretrained"]["not_measured"]
    with pytest.raises(NotMeasured, match="pretrained has no tokens"):
        subject_of(digits).features("train", "tokens")
    with pytest.raises(UserError, match="unknown output 'pooled'"):
        subject_of(digits).features("train", "pooled")


def test_features_are_encoded_once_and_in_any_order(digits):
    calls = []

    def encode(images, output):
        calls.append(len(images))
        return images.reshape(len(images), -1)

    subject = subject_of(digits, encode=encode)
    found = subject.features("test")
    before = len(calls)
    assert subject.features("test") is found and len(calls) == before
    order = np.array([5, 3, 3, 400])
    ((rows, batch),) = subject.encoded("test", order=order, batch_size=6)
    assert batch["valid"].tolist() == [True] * 4 + [False] * 2
    np.testing.assert_array_equal(batch["id"][:4], order)
    np.testing.assert_array_equal(np.asarray(rows)[:4], found.features[order])


def test_earlier_protocols_of_the_same_checkpoint_are_kept(found, tmp_path):
    path = tmp_path / "evaluation.json"
    new = {"step": 3, "data": {"source": "a"}, "protocol": {"notes": []}, "protocols": {"b": 1}}
    assert with_earlier(new, path) == new
    path.write_text(json.dumps({**new, "protocols": {"a": 0, "b": 0}}))
    assert with_earlier(new, path)["protocols"] == {"a": 0, "b": 1}
    assert with_earlier({**new, "step": 4}, path)["protocols"] == {"b": 1}
    whole = {**new, "pretrained": {"knn": 1}, "protocols": {"a": 0}}
    path.write_text(json.dumps(whole))
    assert with_earlier(new, path) == {**whole, "protocols": {"a": 0, "b": 1}}
    path.write_text("[]")
    assert with_earlier(new, path) == new
    assert table({**new, "protocols": found}).startswith("protocol")


def test_the_documents_name_every_protocol():
    text = (ROOT / "docs/evaluation.md").read_text(encoding="utf-8")
    table = text.split("## Protocols")[1].split("##")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == {"knn", "linear", *PROTOCOLS}


def test_the_protocol_in_contributing_md_works(digits, found):
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text.split("## An evaluation protocol")[1], re.S)[
        :1
    ]
    scope = {"__name__": "nearest"}
    sys.modules.setdefault("nearest", types.ModuleType("nearest"))
    exec(compile(code, "nearest", "exec"), scope)
    result = scope["NearestMean"]().measure(subject_of(digits))
    right = found["nearest"]["pretrained"]["numbers"]["accuracy"]["value"]
    assert result["numbers"]["accuracy"]["value"] == right
