"""SIGTERM and Ctrl-C end a run at the next step, with a checkpoint."""

import faulthandler
import signal
from types import FrameType, TracebackType

import jax
from jax.experimental import multihost_utils

from ssljax.training import hosts


class StopRequest:
    """A context in which SIGTERM and SIGINT only ask for a stop; a second one acts as usual.

    Of several processes all stop after the same step, whichever of them was asked. JAX's preemption
    service finds one that none has passed yet; it has a handler of SIGTERM of its own, from
    `ssljax.training.hosts.together` on, so that a SIGTERM before the first step stops after it.

    Attributes:
      signal: that was heeded, or None.
    """

    def __enter__(self) -> "StopRequest":
        self.signal: int | None = None
        self._asked: int | None = None
        self._steps = 0
        self._former = {
            number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)
        }
        self._several = jax.process_count() > 1
        for number in [signal.SIGINT] if self._several else self._former:
            signal.signal(number, self._request)
        return self

    def due(self, step: int) -> bool:
        """Return whether to stop after `step` steps. To be asked after every step."""
        self._steps += 1
        if self._several:
            # Counted from this start of the run: for a process that has not asked yet the service
            # assumes 0, and stops all after step 1.
            due = multihost_utils.reached_preemption_sync_point(self._steps)
            hosts.stepped()
        else:
            due = self._asked is not None
        if due:
            self.signal = self._asked or signal.SIGTERM
        return due

    def _request(self, number: int, frame: FrameType | None) -> None:
        self._asked = number
        if self._several:
            signal.signal(signal.SIGINT, self._former[signal.SIGINT])
            signal.raise_signal(signal.SIGTERM)
        else:
            self._restore()

    def _restore(self) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._several:
            faulthandler.cancel_dump_traceback_later()
            if self.signal is not None:  # one more SIGTERM is not to break the common end
                del self._former[signal.SIGTERM]
        self._restore()
