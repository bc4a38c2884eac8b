import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssljax.errors import UserError
from ssljax.evaluation import evaluate, input_features, quick, table, write


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
    return evaluate(*embeds, split(digits, 0), split(digits, 1), linear_grid=(1e-3, 1e-2), seed=5)


def test_three_rows_with_all_that_is_needed_to_repeat_them(result, digits):
    assert result == json.loads(json.dumps(result, allow_nan=False))
    assert result["protocol"] == {
        "train_examples": len(digits[0]),
        "test_examples": len(digits[2]),
        "labels": True,
        "classes": 10,
        "knn_k": 20,
        "knn_temperature": 0.07,
        "linear_grid": [1e-3, 1e-2],
        "linear_holdout": 0.2,
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
    text = table(worse)
    assert "pretrained is below random init on k-NN" in text
    assert "pretrained is below raw input on linear" in text


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
