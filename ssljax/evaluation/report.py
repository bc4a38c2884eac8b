"""The outcome of an evaluation, as a file and as a table."""

import json
import pathlib

from ssljax.evaluation.gain import BASELINES, PROBES, gain
from ssljax.files import write_atomically

_ROWS = {"pretrained": "pretrained", **BASELINES}


def write(result: dict, path: pathlib.Path) -> None:
    """Write `result` as JSON, whole or not at all: a reader never sees half a file.

    Raises:
      UserError: the file cannot be written (no folder, no permission, disk full).
    """
    write_atomically(pathlib.Path(path), json.dumps(result, indent=2, allow_nan=False) + "\n")


def table(result: dict) -> str:
    """Render the result of `protocol.evaluate` for a terminal.

    Accuracies are in percent with half the width of their 95% interval. A line says where the
    pretrained encoder is below a baseline, or not to be told from it by the interval of their
    difference, and one names each probe that could not be taken, with the reason.
    """
    protocol, collapse = result["protocol"], result["pretrained"]["collapse"]
    lines = []
    if protocol["labels"]:
        head = {"knn": f"k-NN (k={result['pretrained']['knn']['k']})", "linear": "linear probe"}
        lines.append(f"{'':<12}  {head['knn']:>13}  {head['linear']:>13}")
        for row, title in _ROWS.items():
            cells = "  ".join(f"{_percent(result[row].get(probe)):>13}" for probe in PROBES)
            lines.append(f"{title:<12}  {cells}")
        lines.append(
            f"accuracy in %, 95% interval; {protocol['classes']} classes, "
            f"{protocol['train_examples']:,} train and {protocol['test_examples']:,} test examples"
        )
    else:
        lines.append(protocol["note"])
    lines.append(
        f"effective rank (RankMe) {collapse['rankme']:.1f} of {result['pretrained']['dimension']} "
        f"dimensions; feature spread {collapse['feature_std']:.2f} (0: collapsed)"
    )
    return "\n".join(lines + _warnings(result))


def _percent(score: dict | None) -> str:
    if score is None:
        return "not measured"
    low, high = score["interval"]
    return f"{100 * score['accuracy']:.1f} ± {50 * (high - low):.1f}"


def _warnings(result: dict) -> list[str]:
    protocol = result["protocol"]
    lines = [f"note: {note}" for note in protocol.get("notes", ())]
    if not protocol["labels"]:
        return lines
    lines += [
        f"note: {PROBES[probe]} not measured: {reason}"
        for probe, reason in protocol.get("not_measured", {}).items()
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
