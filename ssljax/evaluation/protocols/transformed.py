"""Features of examples that were changed on the device: views of them, or corrupted ones."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from ssljax.errors import UserError
from ssljax.evaluation.features import Features, extract
from ssljax.evaluation.subject import Subject, Transform
from ssljax.modalities import modality_of
from ssljax.objectives.presets import PRESETS
from ssljax.objectives.views import Views
from ssljax.ops.keys import per_example
from ssljax.spec import Field, Value


def transformed_features(
    subject: Subject,
    part: str,
    transform: Transform,
    key: Any,
    *,
    order: np.ndarray | None = None,
    output: str = "",
) -> Features:
    """Return the features of the examples of a part after a transform, sorted by position.

    Args:
      subject: whose encoder.
      part: "train" or "test".
      transform: see `Subject.encoded`.
      key: what it is called with: a random key, or any other pytree.
      order: int[n], the positions of the examples; by default all.
      output: of which.
    """

    def embed(batch):
        return subject.encode(batch, output, transform, key)

    rank = len(subject.outputs[output])
    return extract(embed, subject.examples.read(part, order=order), rank=rank)


@dataclasses.dataclass(frozen=True)
class OneView:
    """The transform to one augmented view of each example, in the units of the data.

    Attributes:
      name: of the field that is augmented.
      view: an object of the class of views of its modality.
    """

    name: str
    view: Any
    field: Field

    def __call__(self, key: jax.Array, batch: Mapping[str, Any]) -> dict[str, Any]:
        """Return the field's view, [b, ...]; it depends on the key and on "id" alone."""
        modality, keys = modality_of(self.field), per_example(key, batch["id"])
        made = modality.views({"view": self.view}, keys, batch[self.name], self.field)["view"]
        one = jax.tree.map(lambda array: array[:, 0], made)
        if isinstance(one, Value):
            return {self.name: Value(modality.restore(one.data, self.field), one.segments)}
        return {self.name: modality.restore(one, self.field)}


def view_of(subject: Subject, count: int) -> OneView:
    """Return the transform to one of `count` equal views, as the modality has in place of SimCLR's.

    Raises:
      UserError: the data have several fields, no views, or a form that does not suit them.
    """
    (name, field), *further = subject.examples.fields.items()
    if further:
        raise UserError(f"views are of one field, and the output is made of {1 + len(further)}")
    groups = {"view": {**PRESETS["simclr"]["crop"], "count": count}}
    (view,) = Views(groups, where="views").bound(name, field).augmentations.values()
    return OneView(name, dataclasses.replace(view, count=1), field)
