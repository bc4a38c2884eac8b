"""Scores of features that were scored before are looked up and not computed again.

The baselines of an evaluation are the same in every run on the same data, and cost as much as what
they stand beside. A score is looked up by the content of all that it depends on: the features and
labels of both splits, the settings, and the code of this folder. So it cannot be another's.
"""

import hashlib
import json
import pathlib
from collections.abc import Callable, Mapping
from importlib import metadata
from typing import Any

import numpy as np

from ssljax.errors import UserError
from ssljax.evaluation.features import Features
from ssljax.files import write_atomically


def cached(
    folder: pathlib.Path | None,
    train: Features,
    test: Features | None,
    settings: Mapping[str, Any],
    score: Callable[[], dict],
) -> dict:
    """Return what `score()` gives for these features, computed now or once before.

    Args:
      folder: where scores are kept, one file each; None keeps none. One that cannot be written
        costs nothing but the time of the next computation.
      train, test: what is scored.
      settings: all else that the scores depend on; plain values.
      score: gives a dict of plain values.
    """
    if folder is None:
        return score()
    file = folder / f"{_digest(train, test, settings)}.json"
    try:
        return json.loads(file.read_text())
    except (OSError, ValueError):
        scores = score()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(file, json.dumps(scores))
    except (OSError, UserError):
        pass
    return scores


def _digest(train: Features, test: Features | None, settings: Mapping[str, Any]) -> str:
    versions = {name: metadata.version(name) for name in ("jax", "numpy", "scipy")}
    digest = hashlib.sha256(json.dumps([settings, versions], sort_keys=True).encode())
    for array in (*train, *(test or ())):
        if array is not None:
            digest.update(f"{array.dtype}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array))
    for source in sorted(pathlib.Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()
