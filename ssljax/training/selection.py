"""Which examples of the training split are trained on: all, or some that are drawn by class."""

from typing import NamedTuple

import numpy as np
from ml_collections import ConfigDict

from ssljax.data import ArraySource, Source, Subset
from ssljax.errors import UserError
from ssljax.evaluation.few_labels import draw, draw_of_each
from ssljax.evaluation.linear import stratified_split
from ssljax.spec import target_kind

_HELD_OUT_SEED = 0  # not that of the run: runs of several seeds are compared on the same examples

_INSTEAD = {
    "labels": "it to False, or name transcripts: audio:PATH?transcripts=txt or trans.txt",
    "per_class": "config.data.part",
    "per_label": "config.data.labels='group', or it to 0",
}

_DRAWS, _USES = (
    "draws examples of each class",
    {"labels": "spells the names of classes, or transcripts"},
)


class Parts(NamedTuple):
    """Parts of a training split.

    Attributes:
      whole: all of it, of which the statistics are.
      train: what is trained on.
      held_out: what is left out of training; None if nothing is.
    """

    whole: Source
    train: Source
    held_out: Source | None


def selects(data: ConfigDict) -> bool:
    """Whether a section `config.data` asks for some of the labels alone."""
    return bool(data.per_class) or data.part < 1


def parts_of(source: Source, data: ConfigDict) -> Parts:
    """Return the parts of a training split that `config.data` names.

    First `held_out` of each class is left out, always the same; of the rest, `per_class` examples
    of each class are drawn, or a `part` of them all, as `draw` says. They are those that a probe
    on few labels is given (`ssljax.evaluation.few_labels`). Examples without a class are drawn as
    if they were of one.

    Args:
      source: the split.
      data: the section.

    Raises:
      UserError: no labels, fewer examples of a class than are asked for, or both kinds of part.
    """
    if not (data.held_out or selects(data)):
        return Parts(source, source, None)
    if data.per_class and data.part < 1:
        raise UserError(
            f"config.data.per_class={data.per_class} and config.data.part={data.part} both choose "
            "examples; set one of them"
        )
    labels = classes_of(source, needed=bool(data.per_class))
    rest, held = np.arange(len(source)), None
    if data.held_out:
        rest, held = stratified_split(labels, data.held_out, _HELD_OUT_SEED)
    if data.per_class:
        rest = rest[draw_of_each(labels[rest], data.per_class, data.draw)]
    elif data.part < 1:
        classes = len(np.unique(labels[rest]))
        count = max(classes, round(data.part * len(rest)))
        rest = rest[draw(labels[rest], count, data.draw)]
    return Parts(source, chosen(source, rest), None if held is None else chosen(source, held))


def chosen(source: Source, which: np.ndarray) -> Source:
    """Return some of the examples of a source, in memory where the source is."""
    return source.taken(which) if isinstance(source, ArraySource) else Subset(source, which)


def classes_of(source: Source, *, needed: bool = True, key: str = "per_class") -> np.ndarray:
    """Return int[n], the class of every example; all 0 where labels are no classes.

    Args:
      source: the data set.
      needed: whether there must be classes.
      key: of `config.data`, for what they are needed.

    Raises:
      UserError: `needed`, and there are no classes.
    """
    label = source.fields.get("label")
    if label is None or target_kind(label) != "class":
        if needed:
            raise UserError(
                f"config.data.{key} {_USES.get(key, _DRAWS)}, and {source.name} has no "
                f"classes in {source.split!r}; set {_INSTEAD[key]}"
            )
        return np.zeros(len(source), np.int64)
    if isinstance(source, ArraySource):
        return np.asarray(source.arrays["label"], np.int64)
    if (labels := getattr(source, "labels", None)) is not None:
        return np.asarray(labels, np.int64)
    return np.array([int(source[index]["label"]) for index in range(len(source))], np.int64)
