"""The tables of a report on runs that learn labels: their scores, and grids of few labels."""

from collections.abc import Mapping, Sequence
from typing import Any

from ssljax.evaluation.few_labels import percent
from ssljax.evaluation.predictions import sentence
from ssljax.evaluation.run_record import RunRecord

SCRATCH = "from scratch"


def finetuned(runs: Sequence[RunRecord]) -> list[str]:
    """Return the table of the test scores of runs that learn labels; [] if there are none."""
    body = []
    for run in runs:
        if not run.finetuning:
            continue
        found = run.finetuning
        starts = ", ".join(f"`{part['workdir']}`" for part in found["init_from"]) or SCRATCH
        score = sentence(found["kind"], found["scores"], found["examples"])
        data = f"{found['data']['source']}, {found['data']['split']}"
        seed = str(run.config["seed"])
        body.append([f"`{run.name}`", starts, data, f"{found['step']:,}", seed, score])
    head = ["run", "starts from", "data", "steps", "seed", "score"]
    return [f"## Trained on labels\n\n{_table(head, body)}"] if body else []


def few_labels_grids(grids: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the table of what `ssljax finetune --few-labels` found; [] if there is nothing.

    Args:
      grids: the contents of few_labels.json by its folder.
    """
    body = [
        [
            f"`{name}`",
            amount,
            *(percent(rows[row]) for row in ("probe", "finetuned", "scratch")),
            difference(rows["scratch"]),
        ]
        for name, grid in grids.items()
        for amount, rows in grid["rows"].items()
    ]
    head = ["run", "labels", "linear probe", "fine-tuned", SCRATCH, f"fine-tuned - {SCRATCH}"]
    legend = (
        "Test accuracy in percent, the mean over draws of the labels, with half of its 95%\n"
        "interval over draws. A number of labels is of each class."
    )
    title = "## Fine-tuning with few labels"
    return [f"{title}\n\n{legend}\n\n{_table(head, body)}"] if body else []


def _table(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *body))


def difference(row: Mapping[str, Any]) -> str:
    """Return "+34.4 (+25.6 to +43.2)": a difference in points, with its interval."""
    low, high = row["interval_difference"]
    return f"{100 * row['difference']:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"
