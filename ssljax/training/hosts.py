"""Runs of several processes, one per host: they start together and end together."""

import contextlib
import faulthandler
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterator

import jax
import numpy as np
from jax.experimental import multihost_utils

from ssljax.errors import UserError

# Seconds without a heartbeat after which JAX ends the run; JAX's own default is 100. A process with
# an unknown error waits slightly longer before it ends, see `together`. Together the two must end
# all processes within a minute.
SILENCE = 25

# Seconds that process 0 waits before it ends with an error. JAX's service ends with it and aborts
# all others at once. The wait lets processes with the same error, such as a mistake in the config,
# print it first.
_ALIKE = 2

_hang_timeout: float | None = None  # of this process, see `together`


@contextlib.contextmanager
def together(
    coordinator: str | None,
    count: int | None,
    process: int | None,
    *,
    patience: float,
    stoppable: bool,
    tell: Callable[[BaseException], int],
    hang_timeout: float | None = None,
) -> Iterator[None]:
    """Run the block in all processes of a run; JAX then sees the devices of all of them.

    A process that dies, is stopped or fails sends no more heartbeats. JAX's coordination service,
    which process 0 runs, then ends all others: each prints the number of the lost process and
    aborts (SIGABRT). An error in the block is printed and ends this process; it is not raised from
    this context. Outside of `StopRequest` Ctrl-C ends this process at once.

    Args:
      coordinator: "HOST:PORT" on which process 0 listens for the others.
      count: number of processes.
      process: number of this process, from 0. If one of the three is None, TPU slices, SLURM, Open
        MPI and Kubernetes provide it, see `jax.distributed.initialize`.
      patience: seconds until all processes must have joined.
      stoppable: whether to pass SIGTERM to JAX's preemption service, see `StopRequest`.
      tell: function that prints an error for the user and returns the exit status.
      hang_timeout: seconds between two steps after which a process ends itself, see `stepped`.

    Raises:
      UserError: the three are incomplete or out of range, or process 0 cannot listen.
    """
    global _hang_timeout
    _hang_timeout = hang_timeout
    # Much time is spent waiting in C++, where no Python handler would run.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    jax.config.update("jax_enable_preemption_service", stoppable)
    where = f" {coordinator}" if coordinator else ""
    _say(f"waiting up to {patience:g} s for all processes to join{where}")  # JAX does not say so
    try:
        jax.distributed.initialize(
            coordinator,
            count,
            process,
            initialization_timeout=int(patience),
            heartbeat_timeout_seconds=SILENCE,
        )
    except (RuntimeError, OSError, ValueError, TypeError) as error:
        raise UserError(
            f"cannot join the other processes: {_first_line(error)}; give --coordinator HOST:PORT, "
            "where process 0 listens on a free port, --num-processes N and --process-id I"
        ) from error
    number = None
    try:
        with _without_chatter():
            number = jax.process_index()
            me = f"process {number} of {jax.process_count()}"  # JAX will print only the number
            _say(f"this is {me} ({socket.gethostname()}, {os.getpid()})")
            yield
            jax.distributed.shutdown()  # waits for all
    except BaseException as error:
        try:
            status = tell(error)
            wait = _ALIKE if number == 0 else 0
        except BaseException:
            # Usually the echo of the end of another process, which JAX is about to name.
            traceback.print_exc()
            status, wait = 1, SILENCE + 5
        sys.stdout.flush()
        sys.stderr.flush()
        time.sleep(wait)
        os._exit(status)  # at exit JAX would wait for the others


def stepped() -> None:
    """Report that a step is done; if the next one takes too long, print where it hangs and exit.

    JAX sends heartbeats from a C++ thread, so they continue if the process hangs in Python, in a
    read from a file system, or in a collective operation.
    """
    if _hang_timeout:
        faulthandler.dump_traceback_later(_hang_timeout, exit=True)  # replaces the previous timer


def from_first_process(value: int) -> int:
    """Return the value of the first process, on every process."""
    if jax.process_count() == 1:
        return value
    return int(multihost_utils.broadcast_one_to_all(np.int32(value)))


def _say(line: str) -> None:
    print(f"ssljax: {line}", file=sys.stderr, flush=True)


def _first_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]


@contextlib.contextmanager
def _without_chatter() -> Iterator[None]:
    """Keep stdout for Python, line by line, because Gloo prints a line for every device.

    If JAX aborts the process, lines that are still in a buffer are lost.
    """
    sys.stdout.flush()
    with os.fdopen(os.dup(1), "w", buffering=1, encoding=sys.stdout.encoding) as stdout:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
        try:
            with contextlib.redirect_stdout(stdout):
                yield
        finally:
            os.dup2(stdout.fileno(), 1)
