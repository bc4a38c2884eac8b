"""What a run shows as it goes: a bar on a terminal, elsewhere a plain line every so often."""

import sys
import time
from collections.abc import Mapping

import jax
from ml_collections import ConfigDict
from tqdm import tqdm


class Progress:
    """The loss, examples per second, the time left and the k-NN accuracy, on standard error.

    A file or a pipe gets a line every `config.log_every` steps. Of several hosts the first shows;
    with `config.progress=False` none does.
    """

    def __init__(self, first: int, config: ConfigDict):
        shown = config.progress and jax.process_index() == 0
        terminal = sys.stderr.isatty()
        self._shown, self._terminal = shown, terminal
        self._bar = tqdm(
            total=config.steps,
            initial=first,
            unit="step",
            disable=not (shown and terminal),
            mininterval=0.5,
        )
        self._batch_size, self._steps, self._every = (
            config.batch_size,
            config.steps,
            config.log_every,
        )
        self._done, self._rate, self._knn = first, 0.0, ""
        self._next_line = self._every_after(first)
        self.restart(first)

    def advance(self, step: int) -> None:
        """Show that `step` steps are done."""
        self._done = step
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
        """Show the loss, and the last rate."""
        what = f"loss {loss:.4f}, {self._rate:,.0f} examples/s"
        self._bar.set_postfix_str(what + self._knn)
        if self._terminal:
            return
        if self._done >= self._next_line or self._done == self._steps:
            self._next_line = self._every_after(self._done)
            left = (self._steps - self._done) * self._batch_size / max(self._rate, 1e-9)
            self._line(f"{what}, {tqdm.format_interval(left)} left")

    def show_scores(self, scores: Mapping[str, float]) -> None:
        """Show the scores of a quick evaluation of this step."""
        if "knn" in scores:
            self._knn = f", k-NN {scores['knn']:.1%}"
            self._line(f"k-NN {scores['knn']:.1%}, of a part of the training split")

    def close(self) -> None:
        """Leave the bar as it stands."""
        self._bar.close()

    def _every_after(self, step: int) -> int:
        return (step // self._every + 1) * self._every

    def _line(self, what: str) -> None:
        if self._shown:  # above the bar, if there is one
            tqdm.write(f"step {self._done:,}/{self._steps:,}: {what}", file=sys.stderr)
            sys.stderr.flush()
