"""The outcome of an evaluation, as a file and as a table."""

import json
import pathlib

from ssljax.files import write_atomically

_ROWS = {"pretrained": "pretrained", "random_init": "random init", "raw_input": "raw input"}
_PROBES = {"knn": "k-NN", "linear": "linear"}


def write(result: dict, path: pathlib.Path) -> None:
    """Write `result` as JSON, whole or not at all: a reader never sees half a file.

    Raises:
      UserError: the file cannot be written (no folder, no permission, disk full).
    """
    write_atomically(pathlib.Path(path), json.dumps(result, indent=2, allow_nan=False) + "\n")


def table(result: dict) -> str:
    """Render the result of `protocol.evaluate` for a terminal.

    Accuracies are in percent with half the width of their 95% interval. Where the pretrained
    encoder is below a baseline, a line says so.
    """
    protocol, collapse = result["protocol"], result["pretrained"]["collapse"]
    lines = []
    if protocol["labels"]:
        head = {"knn": f"k-NN (k={result['pretrained']['knn']['k']})", "linear": "linear probe"}
        lines.append(f"{'':<12}  {head['knn']:>13}  {head['linear']:>13}")
        for row, title in _ROWS.items():
            cells = "  ".join(f"{_percent(result[row][probe]):>13}" for probe in _PROBES)
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


def _percent(score: dict) -> str:
    low, high = score["interval"]
    return f"{100 * score['accuracy']:.1f} ± {50 * (high - low):.1f}"


def _warnings(result: dict) -> list[str]:
    lines = []
    if not result["protocol"]["labels"]:
        return lines
    for probe, name in _PROBES.items():
        ours = result["pretrained"][probe]["accuracy"]
        for row in ("random_init", "raw_input"):
            theirs = result[row][probe]["accuracy"]
            if ours < theirs:
                lines.append(
                    f"WARNING: pretrained is below {_ROWS[row]} on {name} "
                    f"({100 * ours:.1f} < {100 * theirs:.1f}): pretraining did not help here"
                )
    for row, title in _ROWS.items():
        linear = result[row]["linear"]
        if linear["at_edge"]:
            lines.append(
                f"note: {title}: the best l2 {linear['l2']:g} is the outermost one tried; "
                "widen the grid"
            )
        if not linear["converged"]:
            lines.append(f"note: {title}: the linear probe did not converge")
    return lines
