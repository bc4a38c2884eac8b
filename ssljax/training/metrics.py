"""Metrics: on their way from the device, and in the files metrics.jsonl and tensorboard/.

A run stops at the first loss that is not finite.
"""

import contextlib
import json
import pathlib
import time
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import numpy as np
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.summary import scalar

from ssljax.errors import UserError
from ssljax.files import write_atomically

IN_FLIGHT = 2  # steps that the host may be ahead of the device
_BOARD_SECONDS = 30.0  # between two flushes of the TensorBoard file, which wait for the disk


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


class MetricsWriter:
    """Appends scalars to WORKDIR/metrics.jsonl and to TensorBoard files in WORKDIR/tensorboard.

    Of several hosts, the first writes for all. All is written by the thread that calls:
    tensorboardX's own SummaryWriter has a thread with a queue, and where that thread died of a full
    disk, the next scalar would wait for room in the queue for ever.
    """

    def __init__(self, workdir: pathlib.Path, *, first_step: int):
        """Continue the files of `workdir`, dropping what was written after `first_step`.

        A run that was killed has logged steps after its last checkpoint; they are taken again.

        Raises:
          UserError: a file cannot be read or written.
        """
        self._writes = jax.process_index() == 0
        if not self._writes:
            return
        self._workdir = workdir.absolute()
        path, folder = self._workdir / "metrics.jsonl", self._workdir / "tensorboard"
        kept = [line for line in read_metrics(path) if line["step"] <= first_step]
        if path.exists():
            write_atomically(path, "".join(json.dumps(line) + "\n" for line in kept))
        with contextlib.ExitStack() as exits, self._told():
            self._file = exits.enter_context(path.open("a", encoding="utf-8"))
            folder.mkdir(exist_ok=True)
            self._board = EventsWriter(str(folder / "events"))
            # TensorBoard drops what other files have from this step on.
            start = SessionLog(status=SessionLog.START)
            self._to_board(Event(step=first_step + 1, session_log=start))
            self._board.flush()
            exits.pop_all()
        self._flushed = time.monotonic()

    def write(self, step: int, scalars: Mapping[str, float]) -> None:
        """Write one line: the step and the scalars.

        Raises:
          UserError: a file cannot be written, the disk being full, for example.
        """
        if not self._writes:
            return
        with self._told():
            self._file.write(json.dumps({"step": step, **scalars}) + "\n")
            self._file.flush()
            for name, value in scalars.items():
                self._to_board(Event(step=step, summary=scalar(name, value)))
            if time.monotonic() > self._flushed + _BOARD_SECONDS:
                self._board.flush()
                self._flushed = time.monotonic()

    def close(self) -> None:
        """Flush and close the files.

        Raises:
          UserError: what was not flushed yet cannot be written.
        """
        if self._writes:
            with self._told():
                try:
                    self._file.close()
                finally:
                    self._board.close()

    def _to_board(self, event: Event) -> None:
        event.wall_time = time.time()
        self._board.write_event(event)

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UserError(
                f"cannot write metrics to {error.filename or self._workdir}: {error.strerror}; the "
                "checkpoints that are there stay as they are"
            ) from error


def read_metrics(path: pathlib.Path) -> list[dict[str, Any]]:
    """Return the lines of a metrics.jsonl, in order; none if there is no such file.

    What is no line of ours is left out: the last one of a killed process may be cut short.

    Raises:
      UserError: the file cannot be read.
    """
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    found = []
    for line in lines:
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(entry, dict) and _is_step(entry.get("step")):
            found.append(entry)
    return found


def _is_step(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
