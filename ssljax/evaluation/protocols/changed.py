"""Features of examples that were changed: views of them, or corrupted ones."""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from ssljax.errors import UserError
from ssljax.evaluation.features import Batch, Features, extract
from ssljax.evaluation.subject import Subject
from ssljax.modalities import modality_of
from ssljax.objectives.presets import PRESETS
from ssljax.objectives.views import Views
from ssljax.ops.keys import per_example
from ssljax.spec import Field, Value


def changed_features(
    subject: Subject,
    part: str,
    change: Callable[[Batch], Mapping[str, Any]],
    *,
    order: np.ndarray | None = None,
) -> Features:
    """Return the features of the examples of a part after a change, sorted by position.

    The encoder's program is the one of unchanged examples, where the change keeps shape and dtype:
    so that many changes cost one compilation of it.

    Args:
      subject: whose encoder.
      part: "train" or "test".
      change: gives the fields that become others, of a batch on the host.
      order: int[n], the positions of the examples; by default all.
    """

    def embed(batch):
        changed = jax.tree.map(np.asarray, dict(change(batch)))
        return subject.encode({**batch, **changed}, "", None, 0)

    return extract(embed, subject.examples.read(part, order=order))


@dataclasses.dataclass(frozen=True)
class OneView:
    """One augmented view of each example, in the units of the data.

    Attributes:
      name: of the field that is augmented.
      view: an object of the class of views of its modality.
      field: what the field is like.
    """

    name: str
    view: Any
    field: Field

    def __call__(self, key: jax.Array, batch: Batch) -> dict[str, Any]:
        """Return the field's view, [b, ...]; it depends on the key and on "id" alone."""
        return {self.name: _viewed(self, key, batch["id"], batch[self.name])}


@functools.partial(jax.jit, static_argnums=0)
def _viewed(one: OneView, key: jax.Array, ids: jax.Array, value: Any) -> Any:
    modality, field = modality_of(one.field), one.field
    made = modality.views({"view": one.view}, per_example(key, ids), value, field)["view"]
    made = jax.tree.map(lambda array: array[:, 0], made)
    if isinstance(made, Value):
        return Value(modality.restore(made.data, field), made.segments)
    return modality.restore(made, field)


def view_of(subject: Subject, count: int) -> OneView:
    """Return what makes one of `count` equal views, as the modality has in place of SimCLR's.

    Raises:
      UserError: the data have several fields, no views, or a form that does not suit them.
    """
    (name, field), *further = subject.examples.fields.items()
    if further:
        raise UserError(f"views are of one field, and the output is made of {1 + len(further)}")
    if not modality_of(field).restores:
        raise UserError(f"a view of {name!r} cannot be shown to the encoder as an example")
    groups = {"view": {**PRESETS["simclr"]["crop"], "count": count}}
    (view,) = Views(groups, where="views").bound(name, field).augmentations.values()
    return OneView(name, dataclasses.replace(view, count=1), field)
