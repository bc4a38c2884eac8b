"""Which output of an objective is evaluated, and the fields of the data that it is made of."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax

from ssljax.errors import UserError, unknown
from ssljax.objectives import Objective, outputs_of
from ssljax.spec import Field


@dataclasses.dataclass(frozen=True)
class Output:
    """One entry of `Objective.outputs`.

    Attributes:
      name: of the entry.
      fields: that it is made of, by name, with the shapes that evaluation shows: that of its own
        name, or of the part after the last "/"; all inputs where no field is called so.
    """

    name: str
    fields: Mapping[str, Field]


def find_output(
    objective: Objective, params: Any, state: Any, fields: Mapping[str, Field], name: str = ""
) -> Output:
    """Return the output of a name, by default the first; nothing is computed.

    Args:
      objective: whose outputs are meant.
      params, state: of the objective, as ShapeDtypeStructs.
      fields: the inputs by name, with the shapes that evaluation shows.
      name: of the output; "" for the first.

    Raises:
      UserError: there is no such output, it is not one vector per example, or the networks do not
        take examples of these shapes.
    """
    try:
        shapes = shapes_of_outputs(objective, params, state, fields)
    except ValueError as error:
        shape = " and ".join("x".join(map(str, field.shape)) for field in fields.values())
        raise UserError(
            f"evaluation shows the encoder whole examples, of {shape}, which it does not take: "
            f"{error}; choose another config.data.image_size or config.evaluation.size"
        ) from error
    if not shapes:
        raise UserError(f"outputs() of {type(objective).__name__} is empty: nothing to evaluate")
    vectors = [key for key, shape in shapes.items() if len(shape) == 2]
    chosen = name or next(iter(shapes))
    if chosen not in shapes:
        raise unknown("config.evaluation.output", chosen, vectors)
    if chosen not in vectors:
        shape = ", ".join(["B", *map(str, shapes[chosen][1:])])
        raise UserError(
            f"the output {chosen!r} has the shape [{shape}], and an evaluation takes one vector "
            f"per example; set config.evaluation.output to one of: {', '.join(vectors) or 'none'}"
        )
    own = chosen.rpartition("/")[2]
    return Output(chosen, {own: fields[own]} if own in fields else fields)


def shapes_of_outputs(
    objective: Objective, params: Any, state: Any, fields: Mapping[str, Field]
) -> dict[str, tuple[int, ...]]:
    """Return the shape of each output that is an array, in the order of the objective."""
    batch = dataclasses.replace(objective.run.spec, fields=fields).batch(2)
    order: list[str] = []  # a dict comes back from eval_shape in the order of its keys

    def outputs(params: Any, state: Any, batch: Any) -> dict[str, Any]:
        found = outputs_of(objective, params, state, batch)
        order.extend(found)
        return found

    made = jax.eval_shape(outputs, params, state, batch)
    return {name: made[name].shape for name in order if made[name] is not None}
