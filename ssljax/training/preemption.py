"""SIGTERM and Ctrl-C end a run at the next step, with a checkpoint."""

import faulthandler
import signal
import time
from types import FrameType, TracebackType

import jax
from jax.experimental import multihost_utils

from ssljax.training import hosts

_TWICE = 1.0  # seconds in which a second signal is the first one, delivered again


class StopRequest:
    """A context in which, from `begin` on, SIGTERM and SIGINT only ask for a stop.

    A terminal and a launcher may both pass on one Ctrl-C: what comes within a second is taken as
    the same request, a SIGTERM if one is among it. A later signal ends the process at once, without
    unwinding it: an exception at any place, in the middle of a save or of a wait for a thread,
    could leave it hanging.

    Leave the context last, after all that has to be written: until then, nothing cuts it short.

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
        return self

    def begin(self) -> None:
        """Take signals as requests from now on: `due` will be asked soon, and then again."""
        for number in [signal.SIGINT] if self._several else self._former:
            signal.signal(number, self._request)

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
        if self._several:
            self._asked = number
            signal.signal(signal.SIGINT, self._former[signal.SIGINT])
            signal.raise_signal(signal.SIGTERM)
        elif self._asked is None:
            self._asked, self._since = number, time.monotonic()
        elif time.monotonic() > self._since + _TWICE:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        else:  # Python calls the handlers of what came meanwhile by number, not by time
            self._asked = max(self._asked, number)

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
