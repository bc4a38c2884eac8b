"""Outcomes of evaluations as tables: of one run for the terminal, of many in Markdown."""

import json
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ssljax.evaluation.few_labels import few_labels_lines, percent
from ssljax.evaluation.finetuned import finetuned
from ssljax.evaluation.intervals import BASELINES, NOT_ASKED, PROBES, gain
from ssljax.evaluation.measure import lines as measured_lines
from ssljax.evaluation.over_seeds import over_seeds
from ssljax.evaluation.run_record import RunRecord
from ssljax.files import write_atomically

_ROWS = {"pretrained": "pretrained", **BASELINES}
_SAME = ("step", "data", "output", "images")  # of evaluations of one thing
_SHORT = {"knn": "k-NN", "linear": "linear"}  # heads of columns
LEGEND = """\
Accuracies are in percent on the test split, with half of a 95% interval over test examples (not
over seeds); k-NN and linear probes see frozen features. Random init is the same encoder before
training. Raw input is seen without a network: the pixels of images, over time for videos; tf-idf of
texts; statistics of each channel of series and of each band of sounds; standardised numbers and
one-hot categories of tables. A baseline is beaten, or beats, where the 95% interval of the
difference on the same test examples excludes 0; else there is no measurable difference. RankMe is
the effective rank of the features. Minutes are those of training, without compilation and
evaluation; TFLOP, 10^12 operations, are those of its products and convolutions."""

FEW_LABELS_LEGEND = """\
Accuracy of the linear probe in percent, the mean over draws of the labelled examples, with half of
its 95% interval over draws. All encoders see the same draws."""


def write(result: dict, path: pathlib.Path) -> None:
    """Write `result` as JSON, whole or not at all: a reader never sees half a file.

    Raises:
      UserError: the file cannot be written (no folder, no permission, disk full).
    """
    write_atomically(pathlib.Path(path), json.dumps(result, indent=2, allow_nan=False) + "\n")


def with_earlier(result: dict, path: pathlib.Path) -> dict:
    """Return `result` with what an earlier one of the same checkpoint and data found besides.

    Args:
      result: what is to be written.
      path: of the earlier one's file; another checkpoint's, other data's or none adds nothing.
    """
    try:
        earlier = json.loads(path.read_text(encoding="utf-8"))
        same = all(earlier.get(key) == result.get(key) for key in _SAME)
    except (OSError, ValueError, AttributeError):
        return result
    if not same:
        return result
    if protocols := {**earlier.get("protocols", {}), **result.get("protocols", {})}:
        result = {**result, "protocols": protocols}
    return result if "pretrained" in result else {**result, **earlier, "protocols": protocols}


def table(result: dict) -> str:
    """Render the result of an evaluation for a terminal: that of `protocol.evaluate`, "protocols".

    Accuracies are in percent with half the width of their 95% interval. A line says where the
    pretrained encoder is below a baseline, or not to be told from it by the interval of their
    difference, and one names each probe that could not be taken, with the reason.
    """
    further = measured_lines(result.get("protocols", {}))
    cost = []
    if flops := result.get("flops_per_example"):
        cost = [f"forward pass of the encoder: {flops / 1e9:.3g} GFLOPs per example"]
    if "pretrained" not in result:
        notes = [f"note: {note}" for note in result["protocol"]["notes"]]
        return "\n".join(further + cost + notes)
    protocol, collapse = result["protocol"], result["pretrained"]["collapse"]
    lines, missing = [], protocol.get("not_measured", {})
    if protocol["labels"]:
        k = result["pretrained"].get("knn", {}).get("k", "")
        head = {"knn": f"k-NN (k={k})", "linear": "linear probe"}
        asked = [probe for probe in PROBES if missing.get(probe) != NOT_ASKED]
        lines.append("  ".join([f"{'':<12}", *(f"{head[probe]:>13}" for probe in asked)]))
        for row, title in _ROWS.items():
            cells = "  ".join(f"{_percent(result[row].get(probe)):>13}" for probe in asked)
            lines.append(f"{title:<12}  {cells}")
        lines.append(
            f"accuracy in %, 95% interval; {protocol['classes']} classes, "
            f"{protocol['train_examples']:,} train and {protocol['test_examples']:,} test examples"
        )
        few = {title: result[row].get("few_labels", {}) for row, title in _ROWS.items()}
        lines += few_labels_lines(few)
    else:
        lines.append(protocol["note"])
    lines.append(
        f"effective rank (RankMe) {collapse['rankme']:.1f} of {result['pretrained']['dimension']} "
        f"dimensions; feature spread {collapse['feature_std']:.2f} (0: collapsed)"
    )
    lines += cost
    return "\n".join(lines + _warnings(result) + ([""] if further else []) + further)


def _percent(score: dict | None) -> str:
    return "not measured" if score is None else percent(score)


def _warnings(result: dict) -> list[str]:
    protocol = result["protocol"]
    lines = [f"note: {note}" for note in protocol.get("notes", ())]
    if not protocol["labels"]:
        return lines
    lines += [
        f"note: {PROBES[probe]} not measured: {reason}"
        for probe, reason in protocol.get("not_measured", {}).items()
        if reason != NOT_ASKED
    ]
    for probe in PROBES:
        for row in BASELINES:
            lines += _compared(result, row, probe)
    for row, title in _ROWS.items():
        linear = result[row].get("linear")
        if linear is None:
            continue
        if linear["at_edge"]:
            lines.append(
                f"note: {title}: the best l2 {linear['l2']:g} is the outermost one tried; "
                "widen the grid"
            )
        if not linear["converged"]:
            lines.append(f"note: {title}: the linear probe did not converge")
    return lines


def _compared(result: dict, row: str, probe: str) -> list[str]:
    """Return a line on a baseline that the pretrained encoder does not measurably exceed."""
    found = gain(result, row, probe)
    if found is None or found.verdict == "better":
        return []
    ours, theirs = (100 * result[name][probe]["accuracy"] for name in ("pretrained", row))
    low, high = (100 * bound for bound in found.interval)
    numbers = (
        f"{ours:.1f} and {theirs:.1f}; 95% interval of the difference {low:+.1f} to {high:+.1f}"
    )
    if found.verdict == "worse":
        return [
            f"WARNING: pretrained is below {_ROWS[row]} on {PROBES[probe]} ({numbers}): "
            "pretraining did not help here"
        ]
    return [
        f"note: no measurable difference between pretrained and {_ROWS[row]} on {PROBES[probe]} "
        f"({numbers})"
    ]


def comparison(runs: Sequence[RunRecord]) -> str:
    """Return a Markdown table of the runs that were evaluated, and a list of those that were not.

    Runs are ordered by family, then by method, data, and seed. The last column names every
    baseline that the pretrained encoder does not measurably exceed. A second table has the means of
    runs that differ in the seed alone, see `over_seeds`.
    """
    runs = sorted(runs, key=_order)
    evaluated = [run for run in runs if run.evaluation]
    counted = any(run.flops is not None for run in evaluated)
    rows = [_row(run, counted) for run in evaluated]
    untold = [run for run in runs if not run.evaluation and not run.finetuning]
    missing = [f"- `{run.name}`: {_state(run)}" for run in untold]
    parts = []
    if rows:
        body = [rows[0], ["---"] * len(rows[0]), *(row.values() for row in rows)]
        parts += [LEGEND, "\n".join(map(_line, body)), *over_seeds(runs), *_few_labels(runs)]
    parts += finetuned(runs)
    if missing:
        parts += ["Not evaluated:", "\n".join(missing)]
    return "\n\n".join(parts) + "\n"


def _few_labels(runs: Sequence[RunRecord]) -> list[str]:
    """Return a second table, of the probes with few labels, if there are any."""
    body = [
        [f"`{run.name}`", f"{int(count):,}", *(_percent(scores[row][count]) for row in _ROWS)]
        for run in runs
        if run.evaluation
        and (scores := {row: run.evaluation[row].get("few_labels", {}) for row in _ROWS})
        for count in scores["pretrained"]
    ]
    if not body:
        return []
    head = ["run", "labels", "**linear**", *BASELINES.values()]
    rows = "\n".join(map(_line, [head, ["---"] * len(head), *body]))
    return [f"## Few labels\n\n{FEW_LABELS_LEGEND}\n\n{rows}"]


def _order(run: RunRecord) -> tuple[Any, ...]:
    config = run.config
    return (
        run.family,
        config["objective"]["name"],
        config["data"]["source"],
        config["seed"],
        run.name,
    )


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _row(run: RunRecord, counted: bool) -> dict[str, str]:
    config, result = run.config, run.evaluation
    return {
        "family": run.family,
        "method": config["objective"]["name"],
        "run": f"`{run.name}`",
        "encoder (features)": run.features,
        "data": run.data,
        "steps x batch": run.length,
        "seed": str(config["seed"]),
        "minutes": _minutes(run),
        **({"TFLOP": _teraflop(run)} if counted else {}),
        **{
            header: _cell(result, row, probe)
            for probe, title in _SHORT.items()
            for row, header in {"pretrained": f"**{title}**", **_titles(title)}.items()
        },
        "RankMe": f"{result['pretrained']['collapse']['rankme']:.1f}",
        "beats its baselines": _verdict(result),
    }


def _titles(probe: str) -> dict[str, str]:
    return {row: f"{probe}, {title}" for row, title in BASELINES.items()}


def _minutes(run: RunRecord) -> str:
    """Return the time of training, from the rates in its log."""
    seconds, before = 0.0, 0
    for line in run.metrics:
        if "examples_per_second" in line:
            examples = (line["step"] - before) * run.config["batch_size"]
            seconds, before = seconds + examples / line["examples_per_second"], line["step"]
    return f"{seconds / 60:.1f}" if seconds else "unknown"


def _teraflop(run: RunRecord) -> str:
    return "not counted" if run.flops is None else f"{run.flops / 1e12:.3g}"


def _cell(result: Mapping[str, Any], row: str, probe: str) -> str:
    if probe not in result[row] and not result["protocol"]["labels"]:
        return "no labels"
    return _percent(result[row].get(probe))


def _verdict(result: Mapping[str, Any]) -> str:
    if not result["protocol"]["labels"]:
        return "no labels"
    below, equal = [], []
    for row, title in BASELINES.items():
        for probe, name in _SHORT.items():
            found = gain(result, row, probe)
            if found is not None and found.verdict != "better":
                (below if found.verdict == "worse" else equal).append(f"{title} ({name})")
    parts = [f"**below {', '.join(below)}**"] if below else []
    parts += [f"no measurable difference to {', '.join(equal)}"] if equal else []
    return "; ".join(parts) or "yes"


def _state(run: RunRecord) -> str:
    step, whole = max((int(line["step"]) for line in run.metrics), default=0), run.config["steps"]
    done = "trained" if step == whole else f"unfinished, at step {step:,} of {whole:,}"
    return f"{run.config['objective']['name']}, {done}"
