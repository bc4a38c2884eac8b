"""Runs that differ in their seed alone: the mean over seeds, and how far it is to be trusted."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ssljax.evaluation.few_labels import mean_interval
from ssljax.evaluation.intervals import BASELINES
from ssljax.evaluation.run_record import RunRecord

_SHORT = {"knn": "k-NN", "linear": "linear"}
LEGEND = """\
Runs that differ in the seed alone. An accuracy, in percent, is the mean over seeds with half of its
95% interval over seeds (Student's t), and in brackets half of the mean interval over test examples.
A gain is the mean over seeds of the difference to the baseline of the same seed, with half of its
95% interval over seeds; it is bold where the interval lies above 0."""


def over_seeds(runs: Iterable[RunRecord]) -> list[str]:
    """Return a Markdown section with a row for every config that ran with two or more seeds.

    Args:
      runs: in the order of the rows; those without labels or evaluation are left out.

    Returns:
      [the section], or [] if there is no such config.
    """
    rows = [_row(group) for group in groups(runs) if len(group) > 1]
    if not rows:
        return []
    body = [rows[0], ["---"] * len(rows[0]), *(row.values() for row in rows)]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in body)
    return [f"## Over seeds\n\n{LEGEND}\n\n{table}"]


def groups(runs: Iterable[RunRecord]) -> list[list[RunRecord]]:
    """Return runs by what they have in common but for the seed, each seed once.

    What was evaluated counts, and not what the config asked to evaluate: `ssljax evaluate` changes
    that.
    """
    found: dict[str, dict[int, RunRecord]] = {}
    for run in runs:
        if run.evaluation and run.evaluation["protocol"]["labels"]:
            config = {
                k: v for k, v in _plain(run.config).items() if k not in ("seed", "evaluation")
            }
            about = {key: run.evaluation.get(key) for key in ("step", "data", "output")}
            key = json.dumps([config, about], sort_keys=True, default=repr)
            found.setdefault(key, {}).setdefault(run.config["seed"], run)
    return [list(group.values()) for group in found.values()]


def _plain(section: Any) -> Any:
    if hasattr(section, "items"):  # a ConfigDict is no Mapping
        return {key: _plain(value) for key, value in section.items()}
    return section


def _row(group: Sequence[RunRecord]) -> dict[str, str]:
    first = group[0]
    results = [run.evaluation for run in group]
    cells = {
        "method": first.config["objective"]["name"],
        "encoder (features)": first.features,
        "data": first.data,
        "steps x batch": first.length,
        "seeds": ", ".join(str(run.config["seed"]) for run in group),
    }
    for probe, title in _SHORT.items():
        cells[f"**{title}**"] = _accuracy([result["pretrained"].get(probe) for result in results])
        for row, name in BASELINES.items():
            cells[f"{title}, gain over {name}"] = _gain(results, row, probe)
    return cells


def _accuracy(scores: Sequence[Mapping[str, Any] | None]) -> str:
    if None in scores:
        return "not measured"
    mean, (low, high) = mean_interval([score["accuracy"] for score in scores])
    examples = np.mean([np.ptp(score["interval"]) for score in scores])
    return f"{100 * mean:.1f} ± {50 * (high - low):.1f} ({50 * examples:.1f})"


def _gain(results: Sequence[Mapping[str, Any]], row: str, probe: str) -> str:
    pairs = [(result["pretrained"].get(probe), result[row].get(probe)) for result in results]
    if any(None in pair for pair in pairs):
        return "not measured"
    differences = [ours["accuracy"] - theirs["accuracy"] for ours, theirs in pairs]
    mean, (low, high) = mean_interval(differences)
    text = f"{100 * mean:+.1f} ± {50 * (high - low):.1f}"
    return f"**{text}**" if low > 0 else text
