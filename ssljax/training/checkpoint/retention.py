"""Which checkpoints are kept: the newest, and those of the best metric."""

import dataclasses
import datetime
import math
from collections.abc import Mapping

from orbax.checkpoint.checkpoint_managers import preservation_policy

from ssljax.errors import UserError


@dataclasses.dataclass(frozen=True)
class Retention:
    """How many checkpoints are kept.

    Attributes:
      last: number of newest checkpoints, at least 1.
      best: number of those of the best metric, among the newest or not; of equal ones the newer.
      metric: the name in the metrics of a save by which they are ranked; those without it, or with
        NaN, are not.
      mode: "max" or "min".

    >>> knn = {1: 0.2, 2: 0.9, 3: 0.8, 4: 0.1}
    >>> keep = Retention(last=1, best=2, metric="knn", mode="max")
    >>> sorted(keep.steps({step: {"knn": value} for step, value in knn.items()}))
    [2, 3, 4]
    """

    last: int
    best: int = 0
    metric: str | None = None
    mode: str = "max"

    def __post_init__(self):
        if self.last < 1 or self.best < 0:
            raise UserError(
                f"checkpoint.keep_last={self.last} must be at least 1, and "
                f"checkpoint.keep_best={self.best} at least 0"
            )
        if self.mode not in ("max", "min") or (self.best and not self.metric):
            raise ValueError(
                f"keep_best={self.best} needs best_metric, got {self.metric!r}, and best_mode "
                f"'max' or 'min', got {self.mode!r}"
            )

    def steps(self, metrics: Mapping[int, Mapping[str, float]]) -> set[int]:
        """Return the steps that are kept, of the checkpoints with these metrics."""
        infos = [_Info(step, metrics[step]) for step in sorted(metrics)]
        ranked = [info for info in infos if not math.isnan(info.metrics.get(self.metric, math.nan))]
        best = preservation_policy.BestN(
            get_metric_fn=lambda found: found[self.metric], reverse=self.mode == "min", n=self.best
        )
        return {
            info.step
            for policy, some in (
                (preservation_policy.LatestN(self.last), infos),
                (best, ranked),
            )
            for info, kept in zip(some, policy.should_preserve(some, context=_CONTEXT), strict=True)
            if kept
        }


@dataclasses.dataclass(frozen=True)
class _Info:
    """What a policy of Orbax asks of a checkpoint; neither of ours asks for the time."""

    step: int
    metrics: Mapping[str, float]
    time: datetime.datetime = datetime.datetime.min


_CONTEXT = preservation_policy.PreservationContext()
