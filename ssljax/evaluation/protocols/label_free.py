"""What features tell of themselves without labels: rank, decay, sensitivity to views, spread.

They compare encoders, or steps of one run, on the same data; none is an accuracy. Ranks, decay and
spread are of the training examples. LiDAR and alignment need augmented views, which are the same
for every encoder: those of SimCLR, or what the modality has in their place. Where the objective
gives the logits of its assignments to prototypes as an output "assignments/NAME", their entropy
tells whether all prototypes are used.
"""

import dataclasses
import functools
from typing import Annotated

import jax
import numpy as np

from ssljax.errors import UserError
from ssljax.evaluation.assignments import assignment_entropy
from ssljax.evaluation.features import on_host
from ssljax.evaluation.hypersphere import alignment, uniformity
from ssljax.evaluation.lidar import lidar
from ssljax.evaluation.protocols.base import Protocol, number
from ssljax.evaluation.protocols.changed import changed_features, view_of
from ssljax.evaluation.spectrum import alpha_req, evenly, rankme, unit_std
from ssljax.ops.keys import key_for
from ssljax.schema import AtLeast, AtMost

_MOST = 5_000  # examples whose pairs are compared
_ASSIGNMENTS = "assignments/"


@dataclasses.dataclass(frozen=True)
class LabelFree(Protocol):
    """RankMe, alpha-ReQ, LiDAR, alignment, uniformity, spread, and the use of prototypes.

    Attributes:
      examples: training examples of which LiDAR takes views, spread evenly over all
      views: of each
    """

    examples: Annotated[int, AtLeast(2), AtMost(100_000)] = 1000
    views: Annotated[int, AtLeast(3), AtMost(1000)] = 10

    main = "RankMe"

    def measure(self, subject):
        features = subject.features("train").features
        numbers = {"RankMe": number(rankme(features), better="")}
        settings, notes = {"dimension": features.shape[1]}, []
        if law := alpha_req(features):
            numbers["alpha-ReQ"] = number(law.alpha, better="")
            settings["alpha_req"] = {"r2": law.r2, "ranks": [law.first, law.last]}
        else:
            notes.append("alpha-ReQ needs 6 directions with variance")
        try:
            numbers |= self._of_views(subject)
        except UserError as reason:
            notes.append(f"LiDAR and alignment not measured: {reason}")
        if len(features) > 1:
            value = uniformity(evenly(features, _MOST))
            numbers["uniformity"] = number(value, better="lower")
        numbers["spread"] = number(unit_std(features))
        for output in subject.outputs:
            if output.startswith(_ASSIGNMENTS):
                for name, value in self._assignments(subject, output).items():
                    numbers[f"assignments, {name}"] = number(value, better="")
        return {"numbers": numbers, "notes": notes, **settings}

    def _of_views(self, subject) -> dict:
        count = subject.examples.counts["train"]
        if count < 2:
            raise UserError("there is one training example")
        view = view_of(subject, self.views)
        order = evenly(np.arange(count), self.examples)
        key = key_for(0, "label_free", 0)  # not the run's: all encoders see the same views
        keys = [jax.random.fold_in(key, one) for one in range(self.views)]
        views = [
            changed_features(subject, "train", functools.partial(view, one), order=order).features
            for one in keys
        ]
        return {
            "LiDAR": number(lidar(np.stack(views, axis=1)), better=""),
            "alignment": number(alignment(views[0], views[1]), better="lower"),
        }

    def _assignments(self, subject, output: str) -> dict[str, float]:
        return assignment_entropy(
            on_host(rows)[on_host(batch["valid"])]
            for rows, batch in subject.encoded("train", output)
        )
