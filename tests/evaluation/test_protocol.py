import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.datasets import load_digits

from ssljax.errors import UserError
from ssljax.evaluation import evaluate, input_features, quick, table, write
from ssljax.evaluation import protocol as protocol_module


def split(digits, part, labels=True):
    """The batches of one split of the digits, the last one filled up."""
    rows, truth = digits[2 * part], digits[2 * part + 1]
    images = (16 * rows).clip(0, 255).astype(np.uint8).reshape(-1, 8, 8, 1)

    def batches():
        for start in range(0, len(images), 256):
            ids = np.arange(start, start + 256)
            valid = ids < len(images)
            ids = np.minimum(ids, len(images) - 1)
            batch = {"image": images[ids], "id": ids.astype(np.int32), "valid": valid}
            yield batch | ({"label": truth[ids]} if labels else {})

    return batches


def projection(seed, dimension):
    weights = jax.random.normal(jax.random.key(seed), (64, dimension))
    return jax.jit(lambda batch: input_features(batch) @ weights)


@pytest.fixture(scope="module")
def result(digits):
    embeds = projection(0, 48), projection(1, 4), input_features
    return evaluate(
        *embeds,
        split(digits, 0),
        split(digits, 1),
        linear_grid=(1e-3, 1e-2),
        few_labels=(50, 2000),
        few_labels_draws=2,
        seed=5,
    )


def test_few_labels_are_measured_where_there_are_enough(result):
    scores = [result[row]["few_labels"] for row in ("pretrained", "random_init", "raw_input")]
    assert all(set(found) == {"50"} and len(found["50"]["accuracies"]) == 2 for found in scores)
    assert scores[1]["50"]["accuracy"] < scores[0]["50"]["accuracy"]  # 4 and 48 dimensions
    assert "50 labels" in table(result) and "2,000 labels" not in table(result)


def test_three_rows_with_all_that_is_needed_to_repeat_them(result, digits):
    assert result == json.loads(json.dumps(result, allow_nan=False))
    assert result["protocol"] == {
        "train_examples": len(digits[0]),
        "test_examples": len(digits[2]),
        "labels": True,
        "classes": 10,
        "not_measured": {},
        "notes": [],
        "knn_k": 20,
        "knn_temperature": 0.07,
        "linear_grid": [1e-3, 1e-2],
        "linear_holdout": 0.2,
        "few_labels": [50, 2000],
        "few_labels_draws": 2,
        "seed": 5,
    }
    assert [result[row]["dimension"] for row in ("pretrained", "random_init", "raw_input")] == [
        48,
        4,
        64,
    ]
    for row in ("pretrained", "random_init", "raw_input"):
        for probe in ("knn", "linear"):
            low, high = result[row][probe]["interval"]
            assert 0 < low < result[row][probe]["accuracy"] < high < 1
    assert result["raw_input"]["linear"]["accuracy"] > 0.93
    assert result["pretrained"]["knn"]["accuracy"] > result["random_init"]["knn"]["accuracy"]
    assert 1 < result["random_init"]["collapse"]["rankme"] <= 4.01


def test_without_labels_there_is_no_accuracy(digits):
    embeds = projection(0, 48), projection(1, 4), input_features
    unlabelled = evaluate(*embeds, split(digits, 0), split(digits, 1, labels=False))
    assert unlabelled["protocol"]["labels"] is False
    assert set(unlabelled["pretrained"]) == {"dimension", "collapse"}
    assert table(unlabelled).startswith("no labels")
    scores = quick(projection(0, 48), split(digits, 0, labels=False), split(digits, 1))
    assert set(scores) == {"rankme", "feature_std"}


def labelled_split(rows, labels):
    """The only batch of a split of 8x8 images."""
    images = (16 * rows).clip(0, 255).astype(np.uint8).reshape(-1, 8, 8, 1)
    return lambda: iter([{"image": images, "id": np.arange(len(rows)), "label": labels}])


def measured(train, test):
    """Evaluate some digits with the labels given (None: no test split)."""
    rows = load_digits(return_X_y=True)[0]
    return evaluate(
        *(projection(seed, 6) for seed in range(3)),  # all of one size: compiled once
        labelled_split(rows[: len(train)], np.array(train)),
        test if test is None else labelled_split(rows[100 : 100 + len(test)], np.array(test)),
        linear_grid=(1e-2,),
    )


@pytest.mark.parametrize(
    ("train", "test", "missing", "said"),
    [
        ([3] * 6, [3] * 4, {"linear"}, "all train examples are of one class"),
        ([3] * 6, [3] * 4, {"linear"}, "one class only: the k-NN accuracy tells nothing"),
        ([0, 1, 2, 3], [0, 1], {"linear"}, "only one train example"),
        ([0, 1, 2, 3], None, {"knn", "linear"}, "every class has only one labelled example"),
        ([0, 0, 1, 1], [0, 1], set(), "4 train and 2 test examples"),
        ([0, 0, 1, 1], None, {"linear"}, "20% of each class, always the same examples, are held"),
        ([0, 0, 1, 1], [0, 7, 7, 8], set(), "2 classes of test are absent from train: their 3"),
        ([0], [0], {"linear"}, "one class"),
    ],
)
def test_what_cannot_be_measured_is_named_and_all_else_measured(train, test, missing, said):
    result = measured(train, test)
    assert result == json.loads(json.dumps(result, allow_nan=False))
    assert set(result["protocol"]["not_measured"]) == missing
    for row in ("pretrained", "random_init", "raw_input"):
        assert {"knn", "linear"} - set(result[row]) == missing
    assert result["pretrained"]["collapse"]["rankme"] > 0.999
    assert said in table(result)
    for gains in result["gains"].values():
        assert set(gains) == {"knn", "linear"} - missing


def test_held_out_examples_are_the_same_fifth_of_each_class_whatever_the_seed(digits, monkeypatch):
    no_probe = {"accuracy": 0.5, "predictions": 0}
    monkeypatch.setattr(protocol_module, "linear_probe", lambda *args, **kept: dict(no_probe))
    embeds = [input_features] * 3
    one, other = (evaluate(*embeds, split(digits, 0), None, seed=seed) for seed in (0, 1))
    assert one["raw_input"]["knn"] == other["raw_input"]["knn"]
    protocol = one["protocol"]
    assert protocol["held_out"] == {"part": 0.2, "seed": 0}
    assert protocol["train_examples"] + protocol["test_examples"] == len(digits[0])
    assert protocol["test_examples"] == sum(round(0.2 * n) for n in np.bincount(digits[1]))
    assert one["raw_input"]["knn"]["accuracy"] > 0.95


def test_quick_gives_the_numbers_of_the_whole_protocol(result, digits):
    scores = quick(projection(0, 48), split(digits, 0), split(digits, 1))
    collapse = result["pretrained"]["collapse"]
    assert scores == {
        "knn": result["pretrained"]["knn"]["accuracy"],
        "rankme": collapse["rankme"],
        "feature_std": collapse["feature_std"],
    }


def test_collapse_is_seen(digits):
    scores = quick(lambda b: jnp.ones((len(b["id"]), 32)), split(digits, 0), split(digits, 1))
    assert scores["rankme"] == pytest.approx(1, abs=1e-3)
    assert scores["feature_std"] == pytest.approx(0, abs=1e-6)
    assert scores["knn"] < 0.15


def test_table_is_aligned_and_shows_the_three_rows(result):
    lines = table(result).splitlines()
    assert [line[:12].strip() for line in lines[:4]] == [
        "",
        "pretrained",
        "random init",
        "raw input",
    ]
    assert len({len(line) for line in lines[:4]}) == 1
    accuracy = 100 * result["raw_input"]["linear"]["accuracy"]
    assert f"{accuracy:.1f} ± " in lines[3]


def test_pretraining_that_did_not_help_is_called_so(result):
    assert "below random init" not in table(result)
    worse = result | {"pretrained": result["random_init"], "random_init": result["pretrained"]}
    text = table({key: value for key, value in worse.items() if key != "gains"})
    assert "WARNING: pretrained is below random init on k-NN" in text
    assert "WARNING: pretrained is below raw input on linear probe" in text


def test_gains_are_those_of_the_accuracies_and_decide_what_is_said(result):
    for row, gains in result["gains"].items():
        for probe, found in gains.items():
            ours, theirs = (result[name][probe]["accuracy"] for name in ("pretrained", row))
            low, high = found["interval"]
            assert found["difference"] == pytest.approx(ours - theirs)
            assert low < found["difference"] < high and high - low < 0.1
    equal = {"linear": {"difference": -0.002, "interval": [-0.01, 0.006]}}
    text = table(result | {"gains": result["gains"] | {"raw_input": equal}})
    (line,) = [line for line in text.splitlines() if "raw input on linear" in line]
    assert line.startswith("note: no measurable difference between pretrained and raw input")
    assert line.endswith("95% interval of the difference -1.0 to +0.6)")


def test_an_edge_of_the_grid_and_a_failed_fit_are_told(result):
    linear = result["pretrained"]["linear"] | {"at_edge": True, "converged": False, "l2": 10.0}
    text = table(result | {"pretrained": result["pretrained"] | {"linear": linear}})
    assert "best l2 10 is the outermost" in text and "did not converge" in text


def test_file_is_written_whole_or_not_at_all(result, tmp_path, monkeypatch):
    path = tmp_path / "evaluation.json"
    write(result, path)
    assert json.loads(path.read_text()) == result
    with pytest.raises(ValueError):
        write({"knn": float("nan")}, path)

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UserError, match="cannot write .*evaluation.json: No space left"):
        write({}, path)
    assert json.loads(path.read_text()) == result
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match="cannot write .*: No such file"):
        write({}, tmp_path / "missing" / "evaluation.json")
