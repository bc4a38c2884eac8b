"""Runs of several seeds: which belong together, and the intervals over seeds."""

import math

import pytest
from ml_collections import ConfigDict

from ssljax.evaluation.over_seeds import groups, over_seeds
from ssljax.evaluation.run_record import RunRecord
from ssljax.evaluation.tables import comparison


def run(seed, knn, *, linear=(0.5, 0.5, 0.5), steps=100, name=None, step=None):
    rows = {
        row: {
            "dimension": 64,
            "knn": {"accuracy": k, "interval": [k - 0.03, k + 0.03]},
            "linear": {"accuracy": a, "interval": [a - 0.02, a + 0.02]},
        }
        for row, k, a in zip(("pretrained", "random_init", "raw_input"), knn, linear, strict=True)
    }
    rows["pretrained"]["collapse"] = {"rankme": 3.0}
    evaluation = {"step": step or steps, "data": {"source": "npz:a"}, "protocol": {"labels": True}}
    config = {
        "seed": seed,
        "steps": steps,
        "batch_size": 60,
        "data": {"source": "npz:a"},
        "encoder": {"name": "resnet"},
        "objective": {"name": "simclr"},
    }
    name = name or f"runs/{seed}"
    return RunRecord(name, "contrastive", ConfigDict(config), (), {**evaluation, **rows})


def table(text):
    lines = [line for line in text.splitlines() if line.startswith("|")]
    header, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    return [dict(zip(header, row, strict=True)) for row in rows]


def test_the_mean_and_interval_over_seeds_by_hand():
    knn = [(0.60, 0.50, 0.55), (0.64, 0.51, 0.55), (0.62, 0.52, 0.70)]
    (section,) = over_seeds([run(seed, scores) for seed, scores in enumerate(knn)])
    (row,) = table(section)
    # t of two degrees of freedom is 4.3027; the deviation of .60, .64, .62 is .02.
    half = 100 * 4.3027 * 0.02 / math.sqrt(3)
    assert row["**k-NN**"] == f"62.0 ± {half:.1f} (3.0)" == "62.0 ± 5.0 (3.0)"
    assert row["k-NN, gain over random init"] == "**+11.0 ± 4.3**"  # of .10, .13, .10
    assert row["k-NN, gain over raw input"] == "+2.0 ± 22.1"  # of .05, .09, -.08
    assert row["linear, gain over raw input"] == "+0.0 ± 0.0"
    assert row["seeds"] == "0, 1, 2" and row["encoder (features)"] == "resnet (64)"


def test_only_runs_that_differ_in_the_seed_alone_belong_together():
    scores = (0.6, 0.5, 0.5)
    runs = [run(0, scores), run(1, scores), run(0, scores, steps=200), run(2, scores, step=40)]
    runs += [run(1, scores, name="again")]  # the same seed counts once
    assert [[one.name for one in group] for group in groups(runs)] == [
        ["runs/0", "runs/1"],
        ["runs/0"],
        ["runs/2"],
    ]


def test_one_seed_makes_no_section():
    assert over_seeds([run(0, (0.6, 0.5, 0.5))]) == []
    assert "Over seeds" not in comparison([run(0, (0.6, 0.5, 0.5))])


def test_a_probe_that_one_seed_lacks_is_not_averaged():
    first, second = run(0, (0.6, 0.5, 0.5)), run(1, (0.6, 0.5, 0.5))
    for row in ("pretrained", "random_init", "raw_input"):
        del second.evaluation[row]["linear"]
    (row,) = table(*over_seeds([first, second]))
    assert row["**linear**"] == row["linear, gain over random init"] == "not measured"
    assert row["**k-NN**"].startswith("60.0")


def test_without_labels_there_is_nothing_to_average():
    runs = [run(0, (0.6, 0.5, 0.5)), run(1, (0.6, 0.5, 0.5))]
    for one in runs:
        one.evaluation["protocol"]["labels"] = False
    assert over_seeds(runs) == []


def test_the_comparison_has_the_section_below_the_runs():
    text = comparison([run(1, (0.6, 0.5, 0.5)), run(0, (0.7, 0.5, 0.5))])
    first, _, second = text.partition("## Over seeds")
    assert [row["seed"] for row in table(first)] == ["0", "1"]
    assert table(second)[0]["seeds"] == "0, 1"


@pytest.mark.parametrize("flops, cell", [(2_345_600_000_000, "2.35"), (None, "not counted")])
def test_operations_stand_beside_the_minutes_once_counted(flops, cell):
    counted = RunRecord(
        "a",
        "own",
        {**run(0, (0.6, 0.5, 0.5)).config},
        (),
        run(0, (0.6, 0.5, 0.5)).evaluation,
        flops=flops,
    )
    other = RunRecord("b", "own", counted.config, (), counted.evaluation, flops=10**12)
    assert table(comparison([counted, other]).partition("\n## ")[0])[0]["TFLOP"] == cell
