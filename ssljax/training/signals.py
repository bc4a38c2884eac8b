"""SIGTERM and Ctrl-C end a run at the next step, with a checkpoint."""

import signal
from types import FrameType, TracebackType


class StopRequest:
    """A context in which SIGTERM and SIGINT only set `signal`; a second one acts as usual."""

    def __enter__(self) -> "StopRequest":
        self.signal: int | None = None
        self._former = {
            number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)
        }
        for number in self._former:
            signal.signal(number, self._request)
        return self

    def _request(self, number: int, frame: FrameType | None) -> None:
        self.signal = number
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
        self._restore()
