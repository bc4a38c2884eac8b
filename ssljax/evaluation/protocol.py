"""The evaluation of a pretrained encoder, always beside what needs no pretraining.

Three rows: the pretrained encoder, the same encoder with random weights, and the raw input. Each
gets the same k-NN and the same linear probe, so that what pretraining adds can be read off.
"""

import functools
import pathlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ssljax.errors import UserError
from ssljax.evaluation.cache import cached
from ssljax.evaluation.features import Batch, Embed, Features, extract
from ssljax.evaluation.few_labels import few_labels_scores
from ssljax.evaluation.intervals import NOT_ASKED, PROBES, pack, pop_gains, wilson
from ssljax.evaluation.knn import knn_accuracy
from ssljax.evaluation.linear import GRID, linear_probe, stratified_split
from ssljax.evaluation.spectrum import evenly, rankme, unit_std

Batches = Callable[[], Iterable[Batch]]

NO_LABELS = "no labels: only measures that need none; no accuracy can be given"
_SPECTRUM_LIMIT = 25_600  # examples, as in the RankMe paper
# Of each class, where there is no test split. The seed is not the run's: runs of several seeds are
# compared on the same examples.
TEST_PART, TEST_SEED = 0.2, 0


def evaluate(
    pretrained: Embed,
    random_init: Embed,
    raw_input: Embed,
    train_batches: Batches,
    test_batches: Batches | None,
    *,
    knn_k: int = 20,
    knn_temperature: float = 0.07,
    linear_grid: Sequence[float] = GRID,
    linear_holdout: float = 0.2,
    probes: Sequence[str] = tuple(PROBES),
    few_labels: Sequence[int] = (),
    few_labels_draws: int = 5,
    seed: int = 0,
    say: Callable[[str], None] = lambda line: None,
    scores_folder: pathlib.Path | None = None,
    keep: Callable[[str, Features, Features | None], None] = lambda row, train, test: None,
) -> dict:
    """Evaluate frozen features by k-NN and by a linear probe, with both baselines.

    Args:
      pretrained, random_init, raw_input: embed functions, see `extract`. The first two should be
        the same encoder; `features.input_features` serves as the third.
      train_batches, test_batches: each call gives the batches of the whole split from its start,
        see `extract`. Without "label" in both, only label-free measures are taken. Where
        `test_batches` is None, a fifth of each class of the training examples is held out as test,
        always the same; the rest is train.
      knn_k: neighbours; at most as many as there are training examples are used, and the
        number used is reported.
      knn_temperature: of the neighbours' weights.
      linear_grid, linear_holdout, seed: see `linear_probe`.
      probes: which of "knn" and "linear" to take.
      few_labels, few_labels_draws: numbers of labels that a linear probe is trained on besides, and
        how often they are drawn, see `few_labels_probe`. The draws do not depend on `seed`: runs of
        several seeds are compared on the same ones.
      say: told what is being done, a line at a time.
      scores_folder: where scores are kept for the next evaluation of the same features, see
        `cached`.
      keep: takes the features of each row, of train and test, for further protocols.

    Returns:
      A dict of plain values that JSON can hold: for each of "pretrained", "random_init" and
      "raw_input" the feature "dimension" and, where they can be taken, "knn" and "linear" (each
      with "accuracy", its 95% "interval" and its settings), and "few_labels" by number of labels;
      for the encoders also "collapse";
      "gains", the differences of the pretrained encoder to both baselines with their intervals, see
      `interval.paired_difference`; and "protocol" with the settings, the numbers of examples, the
      reason of each probe that is "not_measured", and "notes" on what to know of the numbers.
    """
    result, rows = {}, None
    settings = {
        "knn_k": knn_k,
        "knn_temperature": knn_temperature,
        "linear_grid": list(linear_grid),
        "linear_holdout": linear_holdout,
        "few_labels": list(few_labels),
        "few_labels_draws": few_labels_draws,
        "seed": seed,
    }
    embeds = {"pretrained": pretrained, "random_init": random_init, "raw_input": raw_input}
    for name, embed in embeds.items():
        say(f"evaluating {name.replace('_', ' ')}")
        train, test = _extract_both(embed, train_batches, test_batches)
        keep(name, train, test)
        rows = rows or _describe(train, test, held_out=test_batches is None)
        left_out = {probe: NOT_ASKED for probe in PROBES if probe not in probes}
        rows["not_measured"] = left_out | rows["not_measured"]
        asked = settings | {"probes": list(probes)}
        asked |= {"collapse": name != "raw_input"}  # which cannot
        result[name] = cached(
            scores_folder,
            train,
            test,
            asked,
            functools.partial(_scores, train, test, asked, rows["not_measured"]),
        )
    result["gains"] = pop_gains(result, rows["test_examples"])
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


def _extract_both(
    embed: Embed, train_batches: Batches, test_batches: Batches | None
) -> tuple[Features, Features | None]:
    train = extract(embed, train_batches())
    if test_batches is None:
        return _held_out(train)
    return train, extract(embed, test_batches())


def _held_out(features: Features) -> tuple[Features, Features | None]:
    """Return (train, test) of labelled features; no test where nothing can be held out."""
    if features.labels is None:
        return features, None
    try:
        parts = stratified_split(features.labels, TEST_PART, TEST_SEED)
    except UserError:
        return features, None
    train, test = (
        Features(features.features[part], features.labels[part], features.ids[part])
        for part in parts
    )
    return train, test


def _scores(
    train: Features,
    test: Features | None,
    settings: Mapping[str, Any],
    not_measured: Mapping[str, str],
) -> dict:
    scores = {"dimension": train.features.shape[1]}
    if settings["collapse"]:
        scores["collapse"] = _collapse(train)
    if "knn" not in not_measured:
        scores["knn"] = _knn(train, test, settings["knn_k"], settings["knn_temperature"])
    if "linear" not in not_measured:
        grid, holdout, seed = (settings[key] for key in ("linear_grid", "linear_holdout", "seed"))
        scores["linear"] = _linear(train, test, grid, holdout, seed)
        scores["few_labels"] = few_labels_scores(
            train, test, settings["few_labels"], draws=settings["few_labels_draws"], seed=0
        )
    return scores


def _describe(train: Features, test: Features | None, *, held_out: bool) -> dict:
    """Return what is known before anything is scored: the counts, and what cannot be measured."""
    rows = {
        "train_examples": len(train.ids),
        "test_examples": 0 if test is None else len(test.ids),
        "labels": False,
        "not_measured": {},
        "notes": [],
    }
    if train.labels is None or (test is not None and test.labels is None):
        rows["not_measured"] = dict.fromkeys(PROBES, NO_LABELS)
        return rows | {"note": NO_LABELS}
    if test is None:
        reason = "no test split, and every class has only one labelled example: none to hold out"
        rows["not_measured"] = dict.fromkeys(PROBES, reason)
        return rows | {"note": f"no accuracy can be given: {reason}"}
    classes, counts = np.unique(train.labels, return_counts=True)
    rows |= {"labels": True, "classes": len(classes)}
    if held_out:
        rows["held_out"] = {"part": TEST_PART, "seed": TEST_SEED}
        rows["notes"].append(
            f"no test split with labels: {TEST_PART:.0%} of each class, always the same examples, "
            "are held out as test"
        )
    if len(classes) == 1:
        rows["not_measured"]["linear"] = "all train examples are of one class; it needs two"
        rows["notes"].append("there is one class only: the k-NN accuracy tells nothing")
    elif counts.max() == 1:
        rows["not_measured"]["linear"] = (
            "every class has only one train example, so none can be held out to select the l2"
        )
    absent = ~np.isin(test.labels, classes)
    if absent.any():
        rows["notes"].append(
            f"{len(np.unique(test.labels[absent]))} classes of test are absent from train: their "
            f"{int(absent.sum())} of {len(test.labels)} examples count as errors"
        )
    return rows


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
        "correct": pack(outcome.predictions == test.labels),
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
    correct = pack(outcome.pop("predictions") == test.labels)
    interval = list(wilson(outcome["accuracy"], len(test.ids)))
    return outcome | {"interval": interval, "correct": correct}
