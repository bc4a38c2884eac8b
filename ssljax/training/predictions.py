"""What an objective predicts of labels, scored: during training on examples that are held out of
it, afterwards once on the test split."""

import operator
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ssljax.data import Source, only
from ssljax.errors import MissingSplit, UserError
from ssljax.evaluation.predictions import COUNTED, MAIN, Counts, score
from ssljax.evaluation.spelling import Spellings
from ssljax.spec import Field, target_kind
from ssljax.training.data_sets import open_data, spelled, training_parts
from ssljax.training.experiment import Experiment
from ssljax.training.selection import classes_of
from ssljax.training.sharding import local_rows
from ssljax.training.state import TrainState
from ssljax.training.subjects import batches


def require_scorable(experiment: Experiment) -> None:
    """Check, before training, that there is something to score the predictions on afterwards.

    Raises:
      UserError: no test split and nothing held out, or labels of another kind in it.
    """
    _test_set(experiment)


def score_test(experiment: Experiment, state: TrainState) -> dict[str, Any]:
    """Return the scores on the test split, which is read here alone.

    Without a test split they are on the examples that `data.held_out` keeps out of training.

    Returns:
      "kind" of the labels, "scores" as of `ssljax.evaluation.predictions.score`, "examples",
      "data": "source", "split", and "held_out" where that is what they are of; and "notes", what
      to know of the scores.
    """
    source, held_out = _test_set(experiment)
    label = experiment.objective.run.spec.fields["label"]
    data = {"source": source.name, "split": source.split}
    if held_out:
        data["held_out"] = experiment.config.data.held_out
    return {
        "kind": target_kind(label),
        "scores": scored(experiment, state, source),
        "examples": len(source),
        "data": data,
        "notes": _notes(experiment, source),
    }


def test_source(experiment: Experiment) -> Source:
    """Return what the predictions are scored on in the end.

    Raises:
      UserError: see `require_scorable`.
    """
    return _test_set(experiment)[0]


def score_held_out(experiment: Experiment, state: TrainState) -> dict[str, float]:
    """Return {"held_out_NAME": main score} of the examples held out of training; {} if none are."""
    source = training_parts(experiment.config).held_out
    if source is None:
        return {}
    kind = target_kind(experiment.objective.run.spec.fields["label"])
    value = scored(experiment, state, _shown(experiment, source))[MAIN[kind]]
    return {} if value is None else {f"held_out_{MAIN[kind]}": value}


def scored(experiment: Experiment, state: TrainState, source: Source) -> dict[str, Any]:
    """Return the scores of the predictions for all examples of a source with labels."""
    label = experiment.objective.run.spec.fields["label"]
    kind = target_kind(label)
    predict = _predictor(experiment, kind)
    counts: Counts | Spellings = Counts(
        max(label.classes, source.fields["label"].classes), source.class_names
    )
    if kind == "letters":
        counts = Spellings(getattr(experiment.objective, "beam", 0), label.letters)
    rows: list[np.ndarray] = []
    targets: list[np.ndarray] = []
    names = (experiment.objective.run.name, *experiment.objective.run.encoders, "id")
    for batch in batches(experiment, source, labels=True):
        own = local_rows(experiment.mesh, len(batch["id"]))
        shown = jax.tree.map(operator.itemgetter(own), {name: batch[name] for name in names})
        made = predict(state.params, state.objective_state, experiment.put(shown))
        found, valid = np.asarray(made), batch["valid"]
        if not np.isfinite(found[valid]).all():
            raise UserError("the predictions are not finite; the training has diverged")
        if kind in COUNTED:
            counts.add(found[valid], batch["label"][valid])
        else:
            rows.append(found[valid])
            targets.append(batch["label"][valid])
    if kind in COUNTED:
        return score(kind, counts.counts, counts.entities)
    return score(kind, np.concatenate(rows), np.concatenate(targets))


def _notes(experiment: Experiment, test: Source) -> list[str]:
    """Say which classes of test the training examples lack, and what a spelled test set says."""
    if target_kind(test.fields["label"]) == "letters":
        return [test.report] if test.report else []
    if experiment.source is None or target_kind(test.fields["label"]) != "class":
        return []
    labels, known = classes_of(test), np.unique(classes_of(experiment.source))
    absent = ~np.isin(labels, known)
    if not absent.any():
        return []
    return [
        f"{len(np.unique(labels[absent]))} classes of {test.split!r} are absent from the training "
        f"examples: their {int(absent.sum())} of {len(labels)} examples count as errors"
    ]


def _predictor(experiment: Experiment, kind: str) -> Callable[..., jax.Array]:
    name = experiment.objective.predicts
    if kind not in COUNTED or kind == "letters":
        return experiment.jitted(name)
    logits = experiment.jitted(name)  # of which the largest is all that is sent to the host
    return jax.jit(lambda *args: jnp.argmax(logits(*args), axis=-1).astype(jnp.int32))


def _test_set(experiment: Experiment) -> tuple[Source, bool]:
    """Return what is scored in the end, and whether it was held out of the training split."""
    config = experiment.config
    name = config.evaluation.source or config.data.source
    channels = experiment.objective.run.field.shape[-1]
    channels = channels if experiment.objective.run.field.modality == "image" else None
    held_out = None
    try:
        source = open_data(config, name, config.evaluation.test_split, channels=channels)
        if config.data.labels == "letters":
            source = spelled(config, source, experiment.objective.run.spec.fields["label"].letters)
    except MissingSplit as error:
        held_out = training_parts(config).held_out
        if held_out is None:
            raise UserError(
                f"{error}; name one by config.evaluation.test_split, or keep a part of the "
                "training split out of training, config.data.held_out=0.2"
            ) from error
        source = held_out
    source = _shown(experiment, source)
    _require_same_labels(experiment, source)
    return source, held_out is not None


def _shown(experiment: Experiment, source: Source) -> Source:
    return only(source, (experiment.objective.run.name, *experiment.objective.run.encoders))


def _require_same_labels(experiment: Experiment, source: Source) -> None:
    own = experiment.objective.run.spec.fields["label"]
    found = source.fields.get("label")
    if found is None:
        raise UserError(f"{source.name} has no labels in {source.split!r}, to score predictions on")
    if target_kind(found) != target_kind(own) or not _same_length(own, found):
        raise UserError(
            f"the labels of {source.name} in {source.split!r} are of the kind "
            f"{target_kind(found)} {list(found.shape)}, those of training of the kind "
            f"{target_kind(own)} {list(own.shape)}"
        )


def _same_length(one: Field, two: Field) -> bool:
    """Whether the labels of two splits are as many; masks and texts are of any size."""
    if target_kind(one) == "letters":
        return one.vocab == two.vocab
    return target_kind(one) in COUNTED or one.shape == two.shape
