"""Classes told by their names: the accuracy of the nearest text, without a label.

The name of every class is put into every template, "a photo of a {}"; the text features of a class
are the mean over templates of the projections of unit length, of unit length again. An example
belongs to the class of the highest cosine. No example of train is used. Where several fields are
compared with texts, examples are those of the output that is evaluated
(`config.evaluation.output="audio"`), else of the first field that the data have.

Where some classes are frequent, always naming the most frequent one may be right more often than
any model. Its accuracy stands beside, and the mean over classes of the accuracy of each, which is
that of chance for every constant answer.
"""

import dataclasses
import pathlib

import numpy as np

from ssljax.errors import UserError
from ssljax.evaluation.bootstrap import bootstrap
from ssljax.evaluation.hypersphere import unit
from ssljax.evaluation.intervals import wilson
from ssljax.evaluation.protocols.base import PERCENT, Protocol, number, rate
from ssljax.evaluation.subject import NotMeasured

PLACE = "{}"
MEAN = "accuracy, mean over classes"
CONSTANT = "accuracy of the most frequent class as the only answer"


@dataclasses.dataclass(frozen=True)
class ZeroShot(Protocol):
    """The accuracy of an ensemble of prompts, and its mean over the classes that test has.

    Attributes:
      templates: a text file with a template in each line, {} where the name of the class stands;
        "" for the names by themselves
      names: a text file with the name of each class, one in each line, in the order of the labels;
        "" for those of the data, with spaces for underscores

    Radford et al. 2021, arXiv:2103.00020, section 3.1.4; openai/CLIP, notebooks/
    Prompt_Engineering_for_ImageNet.ipynb.
    """

    templates: str = ""
    names: str = ""

    main = "accuracy"

    def measure(self, subject):
        found = subject.projections()
        modalities = [subject.fields[subject.field_of(one)].modality for one in found]
        if "text" not in modalities or set(modalities) == {"text"}:
            raise NotMeasured("it needs an objective that compares examples with texts")
        texts = found[modalities.index("text")]
        others = [one for one, what in zip(found, modalities, strict=True) if what != "text"]
        images = _seen_first(subject, others)
        text = subject.field_of(texts)
        labels = subject.examples.targets("test") if "test" in subject.examples.counts else None
        if labels is None or labels.ndim != 1 or labels.dtype.kind not in "iu" or labels.max() < 0:
            raise NotMeasured("it needs one class label per test example")
        templates = lines_of(self.templates, "templates") if self.templates else [PLACE]
        require_places(templates, self.templates)
        names = self._names(subject, int(labels.max()) + 1)
        prompts = [template.replace(PLACE, name) for name in names for template in templates]
        rows = unit(subject.given(texts, {text: prompts}))
        classes = unit(rows.reshape(len(names), len(templates), -1).mean(axis=1))
        labelled = labels >= 0
        labels = labels[labelled]
        scores = unit(subject.features("test", images).features[labelled]) @ classes.T
        most = float(np.bincount(labels).max() / len(labels))
        right = scores.argmax(axis=1) == labels
        draws = bootstrap(
            lambda rows: {MEAN: mean_over_classes(right[rows], labels[rows])}, len(labels)
        )
        numbers = {
            "accuracy": rate(right),
            MEAN: number(mean_over_classes(right, labels), unit=PERCENT, resamples=draws[MEAN]),
            CONSTANT: number(most, wilson(most, len(labels)), unit=PERCENT),
        }
        if len(names) > 5:
            best = np.argpartition(-scores, 5, axis=1)[:, :5]
            numbers["accuracy, best 5"] = rate((best == labels[:, None]).any(axis=1))
        notes = [f"classes are told by {subject.field_of(images)}"] if len(others) > 1 else []
        notes += [
            f"chance {1 / len(names):.1%} of {len(names):,} classes; the most frequent one of test "
            f"is {names[np.bincount(labels).argmax()]!r}; templates: {len(templates):,}"
        ]
        return {
            "numbers": numbers,
            "chance": 1 / len(names),
            "most_frequent": most,
            "classes": len(names),
            "templates": templates,
            "notes": notes,
        }

    def _names(self, subject, least: int) -> list[str]:
        key = "config.evaluation.protocols.zero_shot.names"
        if self.names:
            names = lines_of(self.names, "names")
        elif subject.examples.class_names is not None:
            names = [str(name).replace("_", " ") for name in subject.examples.class_names]
        else:
            raise UserError(
                f"the data that are evaluated on do not name their classes; set {key} to a text "
                "file with the name of each class, one in each line, in the order of the labels"
            )
        if len(names) < least:
            raise UserError(
                f"{self.names or 'the data'} names {len(names)} classes, and labels go up to "
                f"{least - 1}; set {key} to a file with one line for each class"
            )
        return names


def _seen_first(subject, outputs: list[str]) -> str:
    """Return the output to tell classes by: the evaluated one, or one that the data have."""
    examples = subject.examples
    for fields in (examples.fields, examples.further):
        for one in outputs:
            if subject.field_of(one) in fields:
                return one
    return outputs[0]


def mean_over_classes(right: np.ndarray, labels: np.ndarray) -> float:
    """Return 1/C sum_c of the mean of `right` over the examples of class c ("balanced accuracy").

    Args:
      right: bool[n], whether an example was classified correctly.
      labels: int[n], at least 0; C of them are different.

    >>> mean_over_classes(np.array([True, True, True, False]), np.array([0, 0, 0, 5]))
    0.5
    """
    counts = np.bincount(labels)
    each = np.bincount(labels, weights=right)[counts > 0] / counts[counts > 0]
    return float(each.mean())


def lines_of(path: str, key: str) -> list[str]:
    """Return the lines of a text file that are not empty.

    Raises:
      UserError: there is no such file, it is not UTF-8, or has no line.
    """
    where = f"config.evaluation.protocols.zero_shot.{key}={path!r}"
    try:
        lines = pathlib.Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{where}: {error}") from error
    found = [line.strip() for line in lines if line.strip()]
    if not found:
        raise UserError(f"{where}: the file has no line")
    return found


def require_places(templates: list[str], path: str) -> None:
    """Raise a UserError for a template without a place for the name."""
    for template in templates:
        if PLACE not in template:
            raise UserError(
                f"config.evaluation.protocols.zero_shot.templates={path!r}: the template "
                f"{template!r} has no {PLACE} where the name of the class stands"
            )
