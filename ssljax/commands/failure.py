"""How a command that fails says so: one line for what the user can mend, and an exit status."""

import errno
import os
import signal
import sys
from types import FrameType

from ssljax.errors import UserError

_MENDABLE = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.EPERM)


def end_at_the_second_interrupt() -> None:
    """Let the first Ctrl-C raise KeyboardInterrupt, and the second end the process at once.

    A second exception, in the middle of what the first one has to close, could leave the process
    waiting for a thread or a lock for ever.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        raise KeyboardInterrupt

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupt)


def tell(error: BaseException) -> int:
    """Print what went wrong, and return the exit status: 2 for what the user can mend.

    Raises:
      BaseException: the error itself, if it is none that a user could understand or mend.
    """
    if isinstance(error, UserError):
        return _said(str(error), 2)
    if isinstance(error, BrokenPipeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    if isinstance(error, OSError) and error.errno in _MENDABLE:
        return _said(f"{error.strerror}: {error.filename or 'while writing'}", 2)
    if isinstance(error, KeyboardInterrupt):
        return _said("interrupted", 130)
    raise error


def _said(line: str, status: int) -> int:
    print(f"ssljax: {line}", file=sys.stderr)
    return status
