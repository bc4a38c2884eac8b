"""The state of a run from step to step: all that a checkpoint holds."""

import dataclasses
from typing import Any

import jax


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class TrainState:
    """A plain pytree. Random keys are not in it: they are derived from (seed, stream, step).

    Attributes:
      step: int32 scalar, the number of optimizer steps taken.
      params: what the optimizer trains, by component.
      objective_state: what the objective needs besides: teacher, queue, batch statistics, labels.
      opt_state: of the optimizer.
    """

    step: jax.Array
    params: dict[str, Any]
    objective_state: Any
    opt_state: Any

    def replace(self, **changes: Any) -> "TrainState":
        """Return a copy with some of the fields changed."""
        return dataclasses.replace(self, **changes)
