"""The evaluation of a pretrained encoder, always beside what needs no pretraining.

Three rows: the pretrained encoder, the same encoder with random weights, and the raw input. Each
gets the same k-NN and the same linear probe, so that what pretraining adds can be read off.
"""

import functools
import pathlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ssljax.evaluation.features import Batch, Embed, Features, extract
from ssljax.evaluation.interval import wilson
from ssljax.evaluation.knn import knn_accuracy
from ssljax.evaluation.linear import GRID, linear_probe
from ssljax.evaluation.remembered import remembered
from ssljax.evaluation.spectrum import evenly, rankme, unit_std

Batches = Callable[[], Iterable[Batch]]

NO_LABELS = "no labels: only measures that need none; no accuracy can be given"
_SPECTRUM_LIMIT = 25_600  # examples, as in the RankMe paper


def evaluate(
    pretrained: Embed,
    random_init: Embed,
    raw_input: Embed,
    train_batches: Batches,
    test_batches: Batches,
    *,
    knn_k: int = 20,
    knn_temperature: float = 0.07,
    linear_grid: Sequence[float] = GRID,
    linear_holdout: float = 0.2,
    seed: int = 0,
    say: Callable[[str], None] = lambda line: None,
    scores_folder: pathlib.Path | None = None,
) -> dict:
    """Evaluate frozen features by k-NN and by a linear probe, with both baselines.

    Args:
      pretrained, random_init, raw_input: embed functions, see `extract`. The first two should be
        the same encoder; `features.input_features` serves as the third.
      train_batches, test_batches: each call gives the batches of the whole split from its start,
        see `extract`. Without "label" in both, only label-free measures are taken.
      knn_k: neighbours; at most as many as there are training examples are used, and the
        number used is reported.
      knn_temperature: of the neighbours' weights.
      linear_grid, linear_holdout, seed: see `linear_probe`.
      say: told what is being done, a line at a time.
      scores_folder: where scores are kept for the next evaluation of the same features, see
        `remembered`.

    Returns:
      A dict of plain values that JSON can hold: for each of "pretrained", "random_init" and
      "raw_input" the feature "dimension" and, with labels, "knn" and "linear" (each with
      "accuracy", its 95% "interval" and its settings); for the encoders also "collapse"; and
      "protocol" with the settings and the numbers of examples.
    """
    result, rows = {}, None
    settings = {
        "knn_k": knn_k,
        "knn_temperature": knn_temperature,
        "linear_grid": list(linear_grid),
        "linear_holdout": linear_holdout,
        "seed": seed,
    }
    embeds = {"pretrained": pretrained, "random_init": random_init, "raw_input": raw_input}
    for name, embed in embeds.items():
        say(f"evaluating {name.replace('_', ' ')}")
        train, test = extract(embed, train_batches()), extract(embed, test_batches())
        rows = rows or _describe(train, test)
        result[name] = remembered(
            scores_folder, train, test, settings, functools.partial(_scores, train, test, settings)
        )
        if name == "raw_input":
            del result[name]["collapse"]  # pixels cannot
    result["protocol"] = rows | settings
    return result


def quick(
    embed: Embed,
    train_batches: Batches,
    test_batches: Batches,
    *,
    knn_k: int = 20,
    knn_temperature: float = 0.07,
) -> dict[str, float]:
    """Cheap scores to follow a training run by: k-NN accuracy (with labels), RankMe and spread.

    Pass batches of a part of the data set, spread evenly over it: a set is often sorted by class.

    Returns:
      {"rankme": ..., "feature_std": ...} of the training features, and "knn" where both splits
      have labels. Not the numbers of `evaluate`, which uses all examples.
    """
    train = extract(embed, train_batches())
    scores = {key: value for key, value in _collapse(train).items() if key != "examples"}
    if train.labels is not None:
        test = extract(embed, test_batches())
        if test.labels is not None:
            scores["knn"] = _knn(train, test, knn_k, knn_temperature)["accuracy"]
    return scores


def _scores(train: Features, test: Features, settings: Mapping[str, Any]) -> dict:
    scores = {"dimension": train.features.shape[1], "collapse": _collapse(train)}
    if train.labels is None or test.labels is None:
        return scores
    knn = _knn(train, test, settings["knn_k"], settings["knn_temperature"])
    grid, holdout, seed = (settings[key] for key in ("linear_grid", "linear_holdout", "seed"))
    return scores | {"knn": knn, "linear": _linear(train, test, grid, holdout, seed)}


def _describe(train: Features, test: Features) -> dict:
    labelled = train.labels is not None and test.labels is not None
    rows = {"train_examples": len(train.ids), "test_examples": len(test.ids), "labels": labelled}
    if not labelled:
        return rows | {"note": NO_LABELS}
    return rows | {"classes": len(np.unique(train.labels))}


def _collapse(train: Features) -> dict:
    part = evenly(train.features, _SPECTRUM_LIMIT)
    return {"rankme": rankme(part), "feature_std": unit_std(part), "examples": len(part)}


def _knn(train: Features, test: Features, k: int, temperature: float) -> dict:
    k = min(k, len(train.ids))
    outcome = knn_accuracy(
        train.features, train.labels, test.features, test.labels, k=k, temperature=temperature
    )
    return {
        "accuracy": outcome.accuracy,
        "interval": list(wilson(outcome.accuracy, len(test.ids))),
        "k": k,
    }


def _linear(
    train: Features, test: Features, grid: Sequence[float], holdout: float, seed: int
) -> dict:
    outcome = linear_probe(
        train.features,
        train.labels,
        test.features,
        test.labels,
        grid=grid,
        holdout=holdout,
        seed=seed,
    )
    return outcome | {"interval": list(wilson(outcome["accuracy"], len(test.ids)))}
