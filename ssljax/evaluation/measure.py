"""Protocols measured for the pretrained encoder and both baselines."""

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ssljax.errors import UserError
from ssljax.evaluation.bootstrap import percentiles
from ssljax.evaluation.few_labels import mean_interval
from ssljax.evaluation.intervals import BASELINES, Gain, paired_difference, unpack
from ssljax.evaluation.protocols.base import PERCENT, Protocol
from ssljax.evaluation.subject import NotMeasured, Subject

TITLES = {"pretrained": "pretrained", **BASELINES}


def measure(
    protocols: Mapping[str, Protocol],
    subjects: Sequence[Subject],
    *,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Return what each protocol finds for each subject.

    Args:
      protocols: by name.
      subjects: the pretrained encoder, random init and raw input.
      say: takes a line for the user.

    Returns:
      {protocol: {"settings": ..., row: what `Protocol.measure` gave and "seconds", or
      {"not_measured": reason, and "failed": True if the user can mend it}, "gains": {baseline:
      {number: {"difference", "interval"}}}}}, plain values that JSON can hold.
    """
    return {name: _measured(name, protocol, subjects, say) for name, protocol in protocols.items()}


def _measured(
    name: str, protocol: Protocol, subjects: Sequence[Subject], say: Callable[[str], None]
) -> dict[str, Any]:
    found: dict[str, Any] = {"settings": dataclasses.asdict(protocol)}
    for subject in subjects:
        say(f"measuring {name} of {TITLES[subject.row]}")
        start = time.perf_counter()
        try:
            scores = protocol.measure(subject)
        except UserError as reason:  # the others are measured all the same
            failed = {} if isinstance(reason, NotMeasured) else {"failed": True}
            found[subject.row] = {"not_measured": str(reason), **failed}
            continue
        found[subject.row] = scores | {"seconds": round(time.perf_counter() - start, 2)}
    pairs = {row: _pop_pairs(found.get(row, {})) for row in TITLES}
    found["gains"] = {
        row: {
            one: _difference(found, row, one, pairs["pretrained"][one], theirs)
            for one, theirs in pairs[row].items()
            if len(pairs["pretrained"].get(one, _NO_PAIRS).values) == len(theirs.values)
        }
        for row in BASELINES
    }
    return found


def require_measured(found: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise a UserError if a protocol failed for a reason that the user can mend."""
    for name, result in found.items():
        for row in TITLES:
            if result.get(row, {}).get("failed"):
                raise UserError(f"protocol {name}: {result[row]['not_measured']}")


class _Pairs(NamedTuple):
    """What is compared pair by pair: of test examples whether it was "correct" or "each" value, the
    values of "draws", or of "resamples" of the test examples."""

    kind: str
    values: np.ndarray


_NO_PAIRS = _Pairs("", np.zeros(0))


def _pop_pairs(scores: dict[str, Any]) -> dict[str, _Pairs]:
    """Return the pairs by the name of the number; what is long is taken out of it."""
    found = {}
    for name, one in scores.get("numbers", {}).items():
        if "correct" in one:
            found[name] = _Pairs("correct", unpack(one.pop("correct"), one["examples"]))
        for kind in ("each", "resamples"):
            if kind in one:
                found[name] = _Pairs(kind, np.asarray(one.pop(kind)))
        if "draws" in one:
            found[name] = _Pairs("draws", np.asarray(one["draws"]))
    return found


def _difference(
    found: Mapping[str, Any], row: str, name: str, ours: _Pairs, theirs: _Pairs
) -> dict[str, Any]:
    """Return the difference of a number to that of a baseline, and its interval, of the pairs."""
    if ours.kind == "correct":
        difference, interval = paired_difference(ours.values, theirs.values)
    elif ours.kind == "resamples":
        first, second = (found[one]["numbers"][name] for one in ("pretrained", row))
        difference = first["value"] - second["value"]
        interval = percentiles(ours.values - theirs.values)
    else:
        difference, interval = mean_interval(ours.values - theirs.values)
    return {"difference": difference, "interval": list(interval)}


def lines(found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return a table of what `measure` gave, for a terminal, and what to know of it."""
    if not found:
        return []
    body = [("protocol", "number", *TITLES.values(), "seconds")]
    notes: list[str] = []
    for name, result in found.items():
        rows = {row: result[row] for row in TITLES if row in result}
        numbers = dict.fromkeys(one for row in rows.values() for one in row.get("numbers", ()))
        seconds = f"{sum(row.get('seconds', 0) for row in rows.values()):.1f}"
        for place, one in enumerate(numbers):
            cells = [_cell(rows.get(row, {}).get("numbers", {}).get(one)) for row in TITLES]
            first = (name, seconds) if not place else ("", "")
            body.append((first[0], one, *cells, first[1]))
        told: dict[str, list[str]] = {}
        for row, scores in rows.items():
            if reason := scores.get("not_measured"):
                told.setdefault(f" not measured: {reason}", []).append(TITLES[row])
            for note in scores.get("notes", ()):
                told.setdefault(f": {note}", []).append(TITLES[row])
        for note, titles in told.items():
            of = "" if len(titles) == len(rows) > 1 else f" of {' and '.join(titles)}"
            notes.append(f"note: {name}{of}{note}")
        notes += _compared(name, result, next(iter(numbers), ""))
    widths = [max(map(len, column)) for column in zip(*body, strict=True)]
    shown = []
    for cells in body:
        left = [cell.ljust(width) for cell, width in zip(cells[:2], widths[:2], strict=True)]
        right = [cell.rjust(width) for cell, width in zip(cells[2:], widths[2:], strict=True)]
        shown.append("  ".join([*left, *right]).rstrip())
    return [*shown, "rates in %; ± half of a 95% interval; seconds of all rows together", *notes]


MARKDOWN_LEGEND = """\
Rates are in percent, with half of their 95% interval: over test examples, or over draws where the
number is a mean of draws. docs/evaluation.md says what each protocol measures."""


def markdown(runs: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a section with a table of the protocols of several runs; "" if there are none.

    Args:
      runs: what `measure` gave, by name of the run.
    """
    rows = [
        [f"`{run}`", protocol, number, *(_cell(one.get(number)) for one in numbers)]
        for run, found in runs.items()
        for protocol, result in found.items()
        for numbers in [[result.get(row, {}).get("numbers", {}) for row in TITLES]]
        for number in dict.fromkeys(name for one in numbers for name in one)
    ]
    if not rows:
        return ""
    pretrained, *baselines = TITLES.values()
    head = ["run", "protocol", "number", f"**{pretrained}**", *baselines]
    lines = [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]
    return "\n".join(["\n## Protocols\n", MARKDOWN_LEGEND, "", *lines, ""])


def _cell(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return "-"
    value, interval = found["value"], found.get("interval")
    half = None if interval is None else (interval[1] - interval[0]) / 2
    if found["unit"] == PERCENT:
        return f"{100 * value:.1f}" + ("" if half is None else f" ± {100 * half:.1f}")
    unit = f" {found['unit']}" if found["unit"] else ""
    return f"{value:.4g}" + ("" if half is None else f" ± {half:.2g}") + unit


def _compared(name: str, result: Mapping[str, Any], main: str) -> list[str]:
    """Return a line for each baseline than which the main number is not measurably better."""
    notes = []
    for row, title in BASELINES.items():
        found = result["gains"].get(row, {}).get(main)
        ours = result["pretrained"].get("numbers", {}).get(main, {})
        better = ours.get("better", "higher")
        if found is None or not better:
            continue
        bounds = found["interval"] if better == "higher" else [-b for b in found["interval"]][::-1]
        gain = Gain(found["difference"], tuple(bounds))
        rates = ours.get("unit") == PERCENT
        low, high = (f"{100 * b:+.1f}" if rates else f"{b:+.3g}" for b in found["interval"])
        numbers = f"{main}; 95% interval of the difference {low} to {high}"
        if gain.verdict == "worse":
            worse = "below" if better == "higher" else "above"
            notes.append(f"WARNING: {name}: pretrained is {worse} {title} ({numbers})")
        elif gain.verdict != "better":
            notes.append(f"note: {name}: no measurable difference to {title} ({numbers})")
    return notes
