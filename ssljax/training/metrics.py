"""What a run writes down as it goes: metrics.jsonl and TensorBoard files, and the progress bar."""

import json
import os
import pathlib
import time
from collections.abc import Mapping

import jax
from ml_collections import ConfigDict
from tensorboardX import SummaryWriter
from tqdm import tqdm


class MetricsWriter:
    """Appends scalars to WORKDIR/metrics.jsonl and to TensorBoard files in WORKDIR/tensorboard.

    Of several hosts, the first writes for all.
    """

    def __init__(self, workdir: pathlib.Path, *, first_step: int):
        """Continue the files of `workdir`, dropping what was written after `first_step`.

        A run that was killed has logged steps after its last checkpoint; they are taken again.
        """
        self._writes = jax.process_index() == 0
        if self._writes:
            path = workdir / "metrics.jsonl"
            _drop_after(path, first_step)
            self._file = path.open("a", encoding="utf-8")
            self._board = SummaryWriter(str(workdir / "tensorboard"), purge_step=first_step + 1)

    def write(self, step: int, scalars: Mapping[str, float]) -> None:
        """Write one line: the step and the scalars."""
        if self._writes:
            self._file.write(json.dumps({"step": step, **scalars}) + "\n")
            self._file.flush()
            for name, value in scalars.items():
                self._board.add_scalar(name, value, step)

    def close(self) -> None:
        """Flush and close the files."""
        if self._writes:
            self._file.close()
            self._board.close()


def _drop_after(path: pathlib.Path, step: int) -> None:
    if not path.exists():
        return
    kept = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            if json.loads(line)["step"] <= step:
                kept.append(line + "\n")
        except ValueError:  # the last line of a killed process may be cut short
            continue
    new = path.with_suffix(".tmp")
    new.write_text("".join(kept), encoding="utf-8")
    os.replace(new, path)


class Progress:
    """A bar with the loss, examples per second and the time left; silent where it is not wanted."""

    def __init__(self, first: int, config: ConfigDict):
        self._batch_size = config.batch_size
        self._bar = tqdm(
            total=config.steps,
            initial=first,
            unit="step",
            disable=not config.progress or jax.process_index() > 0,
            mininterval=0.5,
        )
        self.restart(first)

    def advance(self, step: int) -> None:
        """Show that `step` steps are done."""
        self._bar.update(step - self._bar.n)

    def rate(self, step: int) -> float:
        """Return the examples per second since the last call."""
        seconds = max(time.perf_counter() - self._time, 1e-9)
        self._rate = (step - self._step) * self._batch_size / seconds
        self.restart(step)
        return self._rate

    def restart(self, step: int) -> None:
        """Measure the rate from now and `step` on: what came before was not training."""
        self._time, self._step = time.perf_counter(), step

    def show(self, *, loss: float) -> None:
        """Show the loss beside the bar, and the last rate."""
        self._bar.set_postfix_str(f"loss {loss:.4f}, {self._rate:,.0f} images/s")

    def close(self) -> None:
        """Leave the bar as it stands."""
        self._bar.close()
