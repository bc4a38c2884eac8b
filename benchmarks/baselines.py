"""What scikit-learn scores on tables and series without pretraining: the figures to beat.

    python -m benchmarks.baselines
    python -m benchmarks.baselines --only adult --only seglearn

Prepares each set if it is not yet there (by pip, see `ssljax data prepare`) and prints a table in
Markdown. Models choose their settings by cross-validation on the training labels alone; test is
scored once. With N labels the training examples are those of `few_labels.draw`, seeds 0 to 4, and
the interval is over draws; with all labels it is over test examples (Wilson). Windows of the same
person depend on each other, so that the intervals of seglearn are too narrow.

Features: "columns" of a table are standardised numbers and one-hot categories; "statistics" of a
series are those of `ops/window_statistics.py`; "series" are the values themselves, standardised by
channel, with the channel's mean where a series has ended. Gradient boosting gets the table as it
is.
"""

import argparse
import dataclasses
import functools
import warnings
from collections.abc import Callable, Iterator

import numpy as np
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, GroupKFold, StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from ssljax.data import data_directory, prepare
from ssljax.data.series import fill
from ssljax.data.sources.arrays import Arrays, load
from ssljax.data.sources.packaged import file_of
from ssljax.evaluation.few_labels import draw, mean_interval
from ssljax.evaluation.intervals import wilson
from ssljax.ops.columns import raw_columns
from ssljax.ops.window_statistics import window_statistics

SEEDS = range(5)
FEW = (100, 1000)
FOLDS = 5
SMALL = 1000  # training series
SETS = {
    "adult": "uci:adult",
    "seglearn": "seglearn:watch",
    "japanese_vowels": "ucr:JapaneseVowels",
    "italy_power_demand": "ucr:ItalyPowerDemand",
    "osu_leaf": "ucr:OSULeaf",
    "acsf1": "ucr:ACSF1",
}


@dataclasses.dataclass(frozen=True)
class Model:
    """A classifier of scikit-learn and the settings it chooses from.

    Attributes:
      name: for the table.
      features: which of a set's features it is given.
      make: of the classifier.
      grid: of `GridSearchCV`; {} for a classifier without a choice.
    """

    name: str
    features: str
    make: Callable
    grid: dict


def _logistic(scaler="passthrough"):  # the columns of a table are standardised already
    return Pipeline([("scaler", scaler), ("model", LogisticRegression(max_iter=300))])


def _svm():
    return Pipeline([("scaler", StandardScaler()), ("model", SVC())])


MAJORITY = Model("largest class", "labels", DummyClassifier, {})
LOGISTIC = functools.partial(
    Model,
    "logistic regression",
    grid={"model__C": np.logspace(-4, 1, 6)},
)
SVM = functools.partial(Model, "SVM, RBF", make=_svm, grid={"model__C": np.logspace(-1, 3, 5)})
NEAREST = functools.partial(
    Model, "1-NN", make=functools.partial(KNeighborsClassifier, n_neighbors=1), grid={}
)
BOOSTING_GRID = {"learning_rate": (0.03, 0.1), "min_samples_leaf": (5, 20)}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", action="append", choices=SETS, metavar="SET")
    args = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    print("| set | labels | classifier | features | accuracy (95% interval) | AUROC |")
    print("|---|---|---|---|---|---|")
    for name in args.only or SETS:
        prepare(SETS[name])
        arrays = load(file_of(SETS[name], data_directory()))
        for row in _rows(name, arrays):
            print("| " + " | ".join([name, *row]) + " |", flush=True)


def _rows(name: str, arrays: Arrays) -> Iterator[tuple[str, ...]]:
    field = next(iter(arrays.fields.values()))
    train, test = arrays.splits["train"], arrays.splits["test"]
    if field.modality == "table":
        features = {split: _of_table(arrays, split) for split in ("train", "test")}
        categories = [bool(count) for count in field.cardinalities]
        boosting = functools.partial(
            HistGradientBoostingClassifier, categorical_features=categories, random_state=0
        )
        models = [
            MAJORITY,
            LOGISTIC("columns", make=_logistic),
            Model("gradient boosting", "table", boosting, BOOSTING_GRID),
        ]
    else:
        features = {split: _of_series(arrays, split) for split in ("train", "test")}
        scaled = functools.partial(_logistic, StandardScaler())
        models = [
            MAJORITY,
            LOGISTIC("statistics", make=scaled),
            SVM("statistics"),
            NEAREST("series"),
        ]
        if len(train["label"]) <= SMALL:  # hours otherwise
            models.append(LOGISTIC("series", make=scaled))
    people = train.get("subject")
    for count in [n for n in FEW if 2 * n <= len(train["label"])] + [None]:
        for model in models:
            inputs = [features[split][model.features] for split in ("train", "test")]
            yield _row(model, inputs, train["label"], test["label"], people, count)


def _of_table(arrays: Arrays, split: str) -> dict[str, np.ndarray]:
    field, table = arrays.fields["table"], arrays.splits[split]["table"]
    columns = raw_columns(table, field.cardinalities, field.mean, field.std)
    return {"labels": table[:, :1], "columns": np.asarray(columns), "table": table}


def _of_series(arrays: Arrays, split: str) -> dict[str, np.ndarray]:
    field, series = arrays.fields["series"], arrays.splits[split]["series"]
    standard = (fill(series, field) - np.array(field.mean)) / np.array(field.std)
    return {
        "labels": standard[:, 0, :1],
        "statistics": np.asarray(window_statistics(series)),
        "series": standard.reshape(len(series), -1),
    }


def _row(
    model: Model,
    inputs: list[np.ndarray],
    labels: np.ndarray,
    test_labels: np.ndarray,
    people: np.ndarray | None,
    count: int | None,
) -> tuple[str, ...]:
    accuracies, areas = [], []
    for seed in SEEDS if count else SEEDS[:1]:
        chosen = draw(labels, count, seed) if count else np.arange(len(labels))
        fitted = _fit(
            model,
            inputs[0][chosen],
            labels[chosen],
            None if people is None else people[chosen],
            seed,
        )
        accuracies.append(fitted.score(inputs[1], test_labels))
        if len(np.unique(labels)) == 2 and hasattr(fitted, "predict_proba"):
            areas.append(roc_auc_score(test_labels, fitted.predict_proba(inputs[1])[:, 1]))
    if count:
        mean, interval = mean_interval(accuracies)
    else:
        mean, interval = accuracies[0], wilson(accuracies[0], len(test_labels))
    shown = f"{mean:.3f} ({interval[0]:.3f} to {interval[1]:.3f})"
    area = f"{np.mean(areas):.3f}" if areas else "-"
    return str(count or f"all {len(labels):,}"), model.name, model.features, shown, area


def _fit(model: Model, features, labels, people, seed: int):
    if not model.grid:
        return model.make().fit(features, labels)
    if people is not None and len(np.unique(people)) >= FOLDS:
        folds = GroupKFold(FOLDS)  # chosen for people that were not seen
    else:
        folds, people = StratifiedKFold(FOLDS, shuffle=True, random_state=seed), None
    search = GridSearchCV(model.make(), model.grid, cv=folds)
    return search.fit(features, labels, groups=people)


if __name__ == "__main__":
    main()
