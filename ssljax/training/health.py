"""Metrics on their way from the device; a run stops at the first loss that is not finite."""

import json
import pathlib
from collections import deque

import jax
import numpy as np

from ssljax.errors import UserError
from ssljax.files import write_atomically

IN_FLIGHT = 2  # steps that the host may be ahead of the device


class NonFiniteLoss(UserError):
    """The loss or a gradient became NaN or infinite."""


class MetricsWindow:
    """Holds the metrics of recent steps as device arrays, so that no step waits for the host."""

    def __init__(self, workdir: pathlib.Path, parameter_paths: list[str], batch_ids):
        """
        Args:
          workdir: where a failure is dumped.
          parameter_paths: in the order of the step's "nonfinite".
          batch_ids: gives the example ids of the batch of a step.
        """
        self._workdir, self._paths, self._batch_ids = workdir, parameter_paths, batch_ids
        self._steps: deque[tuple[int, dict[str, jax.Array]]] = deque()

    def add(self, step: int, metrics: dict[str, jax.Array]) -> None:
        """Keep the metrics of the step that takes the state from `step` to `step + 1`."""
        self._steps.append((step, metrics))
        if len(self._steps) > IN_FLIGHT:
            self._steps[-1 - IN_FLIGHT][1]["loss"].block_until_ready()

    def drain(self, upto: int) -> dict[str, float]:
        """Return the means over the kept steps below `upto`, and forget these.

        Raises:
          NonFiniteLoss: at the first step where the loss or a gradient is not finite.
        """
        values: dict[str, list[float]] = {}
        while self._steps and self._steps[0][0] < upto:
            step, metrics = self._steps.popleft()
            metrics = jax.device_get(metrics)
            nonfinite = metrics.pop("nonfinite")
            if nonfinite.any() or not np.isfinite(metrics["loss"]):
                self._fail(step, float(metrics["loss"]), nonfinite)
            for name, value in metrics.items():
                values.setdefault(name, []).append(float(value))
        return {name: float(np.mean(numbers)) for name, numbers in values.items()}

    def _fail(self, step: int, loss: float, nonfinite: np.ndarray) -> None:
        paths = [path for path, bad in zip(self._paths, nonfinite, strict=True) if bad]
        ids = [int(i) for i in self._batch_ids(step)]
        dump = self._workdir / f"nonfinite_step_{step}.json"
        report = {"step": step, "loss": repr(loss), "parameters": paths, "batch_ids": ids}
        if jax.process_index() == 0:
            write_atomically(dump, json.dumps(report, indent=2) + "\n")
        some = ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
        raise NonFiniteLoss(
            f"step {step}: the loss is {loss}, and the gradient of {some or 'no parameter'} is "
            "not finite. The run is "
            f"stopped; its last good checkpoint stays. Paths and the ids of the batch are in {dump}"
        )
