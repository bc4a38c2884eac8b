"""Fine-tuning on few labels beside a probe and training from scratch, on the same draws of labels.

The number that tells whether pretraining paid: what as few labels give without it.
"""

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from ssljax.data import Source
from ssljax.errors import UserError
from ssljax.evaluation.features import extract
from ssljax.evaluation.few_labels import cross_validated, draw, draw_of_each, mean_interval, percent
from ssljax.evaluation.finetuned import difference
from ssljax.evaluation.linear import GRID, fit
from ssljax.spec import target_kind
from ssljax.training.evaluate import features_for
from ssljax.training.experiment import Experiment, build
from ssljax.training.predictions import scored, test_source
from ssljax.training.selection import chosen, classes_of
from ssljax.training.state import TrainState
from ssljax.training.warm_start import init_from

ROWS = {"probe": "linear probe", "finetuned": "fine-tuned", "scratch": "from scratch"}


@dataclasses.dataclass(frozen=True)
class Amount:
    """How many labels: `per_class` of each class, or a `part` of all examples.

    Attributes:
      text: as given, such as "5" or "1%".
    """

    text: str
    per_class: int = 0
    part: float = 0.0

    def draw(self, labels: np.ndarray, seed: int) -> np.ndarray:
        """Return the positions of the labelled examples; those of `config.data.draw`."""
        if self.per_class:
            return draw_of_each(labels, self.per_class, seed)
        classes = len(np.unique(labels))
        return draw(labels, max(classes, round(self.part * len(labels))), seed)


def amounts_of(text: str) -> list[Amount]:
    """Return the amounts of a text such as "1,2,5,10,1%,10%".

    Raises:
      UserError: it is no such list; the message names the entry.
    """
    found = []
    for one in text.split(","):
        if re.fullmatch(r"[1-9]\d*", one):
            found.append(Amount(one, per_class=int(one)))
        elif re.fullmatch(r"\d+(\.\d+)?%", one) and 0 < float(one[:-1]) <= 100:
            found.append(Amount(one, part=float(one[:-1]) / 100))
        else:
            raise UserError(
                f"--few-labels {text!r}: {one!r} is neither a number of examples of each class, "
                "such as 10, nor a share of all, such as 1%"
            )
    return found


def few_labels(
    config: ConfigDict,
    amounts: Sequence[Amount],
    draws: int,
    known: Mapping[str, Any],
    *,
    save: Callable[[dict[str, Any]], None],
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Return the accuracies on the test split of every amount, draw and row of `ROWS`.

    "probe" is a logistic regression on the frozen features of the encoder that `config.init_from`
    names, its regularisation cross-validated on the drawn examples; "finetuned" trains `config` for
    `config.steps` on them, from that encoder; "scratch" the same from fresh parameters. All three
    see the same examples, those of `config.data.draw`. The train step is compiled once.

    Args:
      config: complete, of a fine-tuning.
      amounts: of labels.
      draws: how many of each amount, at least 2.
      known: accuracies found before, "AMOUNT/DRAW/ROW"; they are not computed again.
      save: takes the accuracies whenever one is added.
      say: takes a line for the user.

    Returns:
      "accuracies" by "AMOUNT/DRAW/ROW", and "rows": by amount and row "accuracy", the mean over
      draws, "interval", 95% by Student's t over draws, and "difference" of the fine-tuned to that
      row, likewise.

    Raises:
      UserError: labels that are no classes, fewer examples than asked for, or one draw.
    """
    if draws < 2:
        raise UserError(f"--draws {draws}: an interval over draws needs 2 or more")
    config = config.copy_and_resolve_references()
    config.data.per_class, config.data.part = 0, 1.0
    all_labels = build(config)
    whole, spec = all_labels.source, all_labels.objective.run.spec
    label = spec.fields["label"]
    if (kind := target_kind(label)) != "class":
        raise UserError(f"--few-labels draws examples by class, and the labels are of {kind}")
    labels, test = classes_of(whole), test_source(all_labels)
    for amount in amounts:
        amount.draw(labels, 0)  # too few examples are told before anything is computed
    config.data.per_class = 1  # so that a batch may hold more examples than there are
    runner = _Runner(build(config, spec, with_source=True), test, say)
    found = dict(known)
    for amount in amounts:
        for seed in range(draws):
            which = amount.draw(labels, seed)
            for row in ROWS:
                name = f"{amount.text}/{seed}/{row}"
                if name in found:
                    continue
                found[name] = runner.accuracy(row, whole, labels, which)
                say(
                    f"{amount.text} labels, draw {seed}, {ROWS[row]}: {100 * found[name]:.1f} "
                    f"({len(which)} examples)"
                )
                save(found)
    return {"accuracies": found, "rows": _summary(found, amounts, draws)}


class _Runner:
    """Trains and scores on any examples, by one compiled step."""

    def __init__(self, experiment: Experiment, test: Source, say: Callable[[str], None]):
        self._experiment, self._test, self._say = experiment, test, say
        self._step: Any = None
        self._features: Any = None

    def accuracy(self, row: str, whole: Source, labels: np.ndarray, which: np.ndarray) -> float:
        if row == "probe":
            return self._probe(whole, labels, which)
        experiment = dataclasses.replace(self._experiment, source=chosen(whole, which))
        if self._step is None:
            self._say("compiling the train step ...")
            self._step = self._experiment.compile_step()
        state = self._start(row == "finetuned")
        pipeline = experiment.pipeline()
        for batch in pipeline.iterate(0, experiment.config.steps):
            state, _ = self._step(state, experiment.put(batch))
        return scored(self._experiment, state, self._test)["accuracy"]

    def _start(self, pretrained: bool) -> TrainState:
        experiment = self._experiment
        state = experiment.init()
        if not pretrained:
            return state
        parts, objective = experiment.config.init_from, experiment.objective
        return init_from(state, parts, objective=objective, say=lambda line: None)

    def _probe(self, whole: Source, labels: np.ndarray, which: np.ndarray) -> float:
        if self._features is None:
            state = self._start(pretrained=True)
            self._features = [
                extract(*features_for(self._experiment, state, source))
                for source in (whole, self._test)
            ]
        train, test = self._features
        features, own = train.features[which], labels[which]
        if len(np.unique(own)) < 2:
            raise UserError("a probe needs two classes or more")
        l2 = cross_validated(features, own, grid=GRID, folds=5, seed=0)
        right = fit(features, own, l2=l2).predict(test.features) == test.labels
        return float(np.mean(right))


def _summary(
    found: Mapping[str, float], amounts: Sequence[Amount], draws: int
) -> dict[str, dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    for amount in amounts:
        values = {
            row: [found[f"{amount.text}/{seed}/{row}"] for seed in range(draws)] for row in ROWS
        }
        rows[amount.text] = {}
        for row, own in values.items():
            mean, interval = mean_interval(own)
            less, ends = mean_interval(np.subtract(values["finetuned"], own))
            rows[amount.text][row] = {
                "accuracy": mean,
                "interval": list(interval),
                "difference": less,
                "interval_difference": list(ends),
            }
    return rows


def lines_of(rows: Mapping[str, Mapping[str, Any]], draws: int) -> list[str]:
    """Return a table for a terminal, and what fine-tuning is compared with."""
    heads = "  ".join(f"{f'{amount} labels':>13}" for amount in rows)
    lines = [f"{'':<12}  {heads}"]
    for row, title in ROWS.items():
        cells = "  ".join(f"{percent(rows[amount][row]):>13}" for amount in rows)
        lines.append(f"{title:<12}  {cells}")
    lines.append(
        f"test accuracy, mean of {draws} draws of the labels, 95% interval over draws; a number is "
        "of each class"
    )
    for amount, each in rows.items():
        low, high = each["scratch"]["interval_difference"]
        verdict = "no measurable effect of pretraining"
        if low > 0 or high < 0:
            verdict = "pretraining pays" if low > 0 else "pretraining costs"
        lines.append(
            f"{amount} labels: {verdict}: fine-tuned minus from scratch "
            f"{difference(each['scratch'])}"
        )
    return lines
