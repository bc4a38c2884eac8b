"""The table of runs: what is in it, in which order, and what it says of a run that did not help."""

import dataclasses

import pytest

from ssljax.evaluation.finetuned import few_labels_grids
from ssljax.evaluation.tables import RunRecord, comparison


def _score(accuracy):
    return {"accuracy": accuracy, "interval": [accuracy - 0.01, accuracy + 0.01]}


def _evaluation(step=100, knn=(0.9, 0.8, 0.7), linear=(0.95, 0.85, 0.75)):
    rows = {
        name: {"dimension": 64, "knn": _score(k), "linear": _score(lin)}
        for name, k, lin in zip(
            ("pretrained", "random_init", "raw_input"), knn, linear, strict=True
        )
    }
    rows["pretrained"]["collapse"] = {"rankme": 12.34}
    return {"step": step, "data": {"source": "npz:a"}, "protocol": {"labels": True}, **rows}


def _run(name="runs/a", method="simclr", family="contrastive", evaluation=None, seed=0, metrics=()):
    config = {
        "seed": seed,
        "steps": 100,
        "batch_size": 60,
        "data": {"source": "npz:a"},
        "encoder": {"name": "resnet"},
        "objective": {"name": method},
    }
    return RunRecord(name, family, config, metrics, evaluation)


def _rows(text) -> list[dict[str, str]]:
    lines = [line for line in text.partition("\n## ")[0].splitlines() if line.startswith("|")]
    header, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    return [dict(zip(header, row, strict=True)) for row in rows]


def test_a_row_says_all_of_a_run():
    log = [
        {"step": 50, "examples_per_second": 100.0, "loss": 1.0},
        {"step": 50, "knn": 0.5},  # a quick evaluation
        {"step": 100, "examples_per_second": 50.0, "loss": 0.5},
    ]
    (row,) = _rows(comparison([_run(evaluation=_evaluation(), seed=7, metrics=log)]))
    assert row == {
        "family": "contrastive",
        "method": "simclr",
        "run": "`runs/a`",
        "encoder (features)": "resnet (64)",
        "data": "npz:a",
        "steps x batch": "100 x 60",
        "seed": "7",
        "minutes": "1.5",  # 50 * 60 / 100 + 50 * 60 / 50 = 90 seconds
        "**k-NN**": "90.0 ± 1.0",
        "k-NN, random init": "80.0 ± 1.0",
        "k-NN, raw input": "70.0 ± 1.0",
        "**linear**": "95.0 ± 1.0",
        "linear, random init": "85.0 ± 1.0",
        "linear, raw input": "75.0 ± 1.0",
        "RankMe": "12.3",
        "beats its baselines": "yes",
    }


@pytest.mark.parametrize(
    "scores, verdict",
    [
        ({"knn": (0.7, 0.8, 0.6)}, "**below random init (k-NN)**"),
        ({"linear": (0.9, 0.8, 0.9)}, "no measurable difference to raw input (linear)"),
        # Two intervals of +-1 overlap, and so do those of +-1.4 of their difference.
        ({"linear": (0.9, 0.8, 0.912)}, "no measurable difference to raw input (linear)"),
        ({"linear": (0.9, 0.8, 0.915)}, "**below raw input (linear)**"),
        (
            {"knn": (0.5, 0.6, 0.7), "linear": (0.5, 0.5, 0.4)},
            "**below random init (k-NN), raw input (k-NN)**; "
            "no measurable difference to random init (linear)",
        ),
    ],
)
def test_a_run_that_does_not_beat_a_baseline_is_told(scores, verdict):
    (row,) = _rows(comparison([_run(evaluation=_evaluation(**scores))]))
    assert row["beats its baselines"] == verdict


def test_the_paired_difference_decides_where_there_is_one():
    evaluation = _evaluation(linear=(0.95, 0.949, 0.7))
    found = {"difference": 0.001, "interval": [0.0002, 0.0018]}
    evaluation["gains"] = {"random_init": {"linear": found}}
    (row,) = _rows(comparison([_run(evaluation=evaluation)]))
    assert row["beats its baselines"] == "yes"


def test_a_probe_that_was_not_taken_leaves_the_other():
    evaluation = _evaluation()
    for name in ("pretrained", "random_init", "raw_input"):
        del evaluation[name]["linear"]
    (row,) = _rows(comparison([_run(evaluation=evaluation)]))
    assert row["**linear**"] == "not measured" and row["**k-NN**"] == "90.0 ± 1.0"
    assert row["beats its baselines"] == "yes"


def test_runs_come_by_family_then_method_then_seed():
    runs = [
        _run("e", "mae", "masked", _evaluation()),
        _run("d", "simclr", evaluation=_evaluation(), seed=1),
        _run("c", "simclr", evaluation=_evaluation(), seed=0),
        _run("b", "moco_v2", evaluation=_evaluation()),
    ]
    assert [row["run"] for row in _rows(comparison(runs))] == ["`b`", "`c`", "`d`", "`e`"]


def test_what_is_not_finished_is_listed_and_not_in_the_table():
    half = [{"step": 40, "loss": 1.0, "examples_per_second": 1.0}]
    whole = [{"step": 100, "loss": 1.0, "examples_per_second": 1.0}]
    runs = [_run("new"), _run("half", metrics=half), _run("whole", metrics=whole)]
    text = comparison([*runs, _run("done", evaluation=_evaluation())])
    assert [row["run"] for row in _rows(text)] == ["`done`"]
    assert "- `new`: simclr, unfinished, at step 0 of 100" in text
    assert "- `half`: simclr, unfinished, at step 40 of 100" in text
    assert "- `whole`: simclr, trained" in text
    assert comparison(runs).startswith("Not evaluated:")


def test_a_run_evaluated_on_its_way_says_how_far_it_was():
    (row,) = _rows(comparison([_run(evaluation=_evaluation(step=30))]))
    assert row["steps x batch"] == "30 of 100 x 60"


def test_without_labels_no_accuracy_and_no_verdict_is_given():
    result = _evaluation()
    result["protocol"] = {"labels": False}
    for name in ("pretrained", "random_init", "raw_input"):
        del result[name]["knn"], result[name]["linear"]
    (row,) = _rows(comparison([_run(evaluation=result)]))
    assert row["**k-NN**"] == row["beats its baselines"] == "no labels"
    assert row["RankMe"] == "12.3"


def test_other_data_for_the_evaluation_is_told():
    run = _run(evaluation=_evaluation())
    run = dataclasses.replace(run, config={**run.config, "data": {"source": "npz:b"}})
    (row,) = _rows(comparison([run]))
    assert row["data"] == "npz:b, evaluated on npz:a"


def test_runs_that_learn_labels_have_a_table_of_their_own():
    found = {
        "step": 100,
        "init_from": [{"workdir": "runs/a"}],
        "kind": "class",
        "scores": {"accuracy": 0.5, "interval_accuracy": [0.4, 0.6]},
        "examples": 20,
        "data": {"source": "npz:a", "split": "test"},
    }
    tuned = dataclasses.replace(_run("runs/b", "supervised", "supervised"), finetuning=found)
    fresh = dataclasses.replace(tuned, name="runs/c", finetuning={**found, "init_from": []})
    text = comparison([_run(evaluation=_evaluation()), tuned, fresh])
    table = text.partition("## Trained on labels")[2]
    score = "accuracy 50.0 (95% interval 40.0 to 60.0) (class, 20 examples)"
    assert f"| `runs/b` | `runs/a` | npz:a, test | 100 | 0 | {score} |" in table
    assert "| `runs/c` | from scratch |" in table and "Not evaluated" not in text


def test_a_grid_of_few_labels_compares_fine_tuning_with_scratch():
    def row(mean, difference):
        ends = {"interval": [mean - 0.1, mean + 0.1], "difference": difference}
        return {"accuracy": mean, **ends, "interval_difference": [0.1, 0.3]}

    rows = {"probe": row(0.6, 0.1), "finetuned": row(0.7, 0.0), "scratch": row(0.5, 0.2)}
    (table,) = few_labels_grids({"runs/few": {"rows": {"10": rows}}})
    cells = "60.0 ± 10.0 | 70.0 ± 10.0 | 50.0 ± 10.0 | +20.0 (+10.0 to +30.0)"
    assert f"| `runs/few` | 10 | {cells} |" in table
    assert few_labels_grids({}) == []
