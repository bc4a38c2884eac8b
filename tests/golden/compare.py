"""Values of small experiments, written or compared with those that were written before."""

import json
import pathlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

TOLERANCE = {"first step": 1e-4, "later steps": 1e-2, "parameters": 1e-5}
AGAIN = "python -m tests.golden --record --only"


def values_of(metrics: Sequence[Mapping[str, Any]], params: Any) -> dict:
    """Return "loss" and "gradient_norm" of each step, and "norm" of all parameters after them."""
    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(params)]
    squares = sum(float(np.sum(np.square(leaf, dtype=np.float64))) for leaf in leaves)
    return {
        "loss": [float(one["loss"]) for one in metrics],
        "gradient_norm": [float(one["gradient_norm"]) for one in metrics],
        "norm": squares**0.5,
    }


def run(
    paths: Iterable[str],
    folder: pathlib.Path,
    values_of: Callable[[str], dict],
    *,
    only: str = "",
    write: bool = False,
) -> int:
    """Write or compare the values of each experiment, and print a line about it.

    Args:
      paths: of the experiments.
      folder: with NAME.json of each.
      values_of: returns the values of an experiment.
      only: part of the names of those that are meant.
      write: whether to write the values instead of comparing them.

    Returns:
      0, or 1 if values differ, have no record, or no experiment has such a name.
    """
    files = {name: path for path in paths if only in (name := pathlib.Path(path).stem)}
    if not files:
        print(f"no small experiment has {only!r} in its name")
        return 1
    failed = False
    for name, path in files.items():
        file = folder / f"{name}.json"
        if write:
            file.write_text(json.dumps(values_of(path), indent=1) + "\n", encoding="utf-8")
            told, far = "written", False
        else:
            told, far = _told(file, name, lambda path=path: values_of(path))
        failed |= far
        print(f"{name}: {told}", flush=True)
    return int(failed)


def _told(file: pathlib.Path, name: str, values: Callable[[], dict]) -> tuple[str, bool]:
    try:
        before = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return f"NO RECORD {file.name}; write it with: {AGAIN} {name}", True
    except ValueError as error:
        return f"DAMAGED RECORD {file.name} ({error}); write it again with: {AGAIN} {name}", True
    return compared(before, values())


def compared(before: Mapping, now: Mapping) -> tuple[str, bool]:
    """Return how far values are from those recorded, and whether that is too far."""
    if before == now:
        return "the same bits", False
    steps = [
        max(
            abs(before[key][step] - now[key][step]) / max(abs(before[key][step]), 1e-12)
            for key in ("loss", "gradient_norm")
        )
        for step in range(len(now["loss"]))
    ]
    apart = {
        "first step": steps[0],
        "later steps": max(steps),
        "parameters": abs(before["norm"] / now["norm"] - 1),
    }
    far = any(apart[name] > bound for name, bound in TOLERANCE.items())
    told = ", ".join(f"{name} {value:.1e}" for name, value in apart.items())
    return f"{'DIFFERS' if far else 'agrees'}: {told}", far
