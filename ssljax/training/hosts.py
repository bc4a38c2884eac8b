"""A run of several processes, on one host each: that they begin and end as one."""

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

# Seconds without a heartbeat after which JAX gives up a process, and with it the run: JAX's own
# default is 100. A process that meets an unknown error waits that long and a little more before it
# ends, see `together`; both together are to end all processes within a minute.
SILENCE = 25

# Seconds that process 0 waits before it ends with an error, and JAX's service with it, which aborts
# all others at once: those that meet the same error, say a mistake in the config, tell it first.
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
    """Run the block in all processes of a run at once; JAX then has the devices of them all.

    A process that dies, is stopped or fails sends no more heartbeats. JAX's coordination service,
    which process 0 runs, then ends all others: each prints the number of the lost process and
    aborts (SIGABRT). An error in the block is told, and ends this process; it does not come out of
    this context. Ctrl-C ends this process at once, outside of `StopRequest`.

    Args:
      coordinator: "HOST:PORT" on which process 0 listens for the others.
      count: of processes.
      process: number of this one, from 0. What is None of the three, TPU slices, SLURM, Open MPI
        and Kubernetes say, see `jax.distributed.initialize`.
      patience: seconds for all to be there.
      stoppable: whether SIGTERM shall be handed to JAX's preemption service, see `StopRequest`.
      tell: prints an error for the user, and returns the exit status.
      hang_timeout: seconds between two steps after which a process ends itself, see `stepped`.

    Raises:
      UserError: the three are incomplete or out of range, or process 0 cannot listen.
    """
    global _hang_timeout
    _hang_timeout = hang_timeout
    # In C++, where much of the time is spent waiting for others, no handler of Python would run.
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
            me = f"process {number} of {jax.process_count()}"  # JAX will say the number alone
            _say(f"this is {me} ({socket.gethostname()}, {os.getpid()})")
            yield
            jax.distributed.shutdown()  # waits for all
    except BaseException as error:
        try:
            status = tell(error)
            wait = _ALIKE if number == 0 else 0
        except BaseException:
            # Mostly the echo of the end of another process, which JAX is about to name.
            traceback.print_exc()
            status, wait = 1, SILENCE + 5
        sys.stdout.flush()
        sys.stderr.flush()
        time.sleep(wait)
        os._exit(status)  # JAX would wait for the others on the way out


def stepped() -> None:
    """Say that a step is done; unless there is another soon, print where it hangs, and exit.

    JAX's heartbeats come from a thread of C++: they go on where a process hangs in Python, in a
    read from a file system, or in a collective operation.
    """
    if _hang_timeout:
        faulthandler.dump_traceback_later(_hang_timeout, exit=True)  # replaces the former one


def from_first_process(value: int) -> int:
    """Return, on every process, the value that the first one gives."""
    if jax.process_count() == 1:
        return value
    return int(multihost_utils.broadcast_one_to_all(np.int32(value)))


def _say(line: str) -> None:
    print(f"ssljax: {line}", file=sys.stderr, flush=True)


def _first_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]


@contextlib.contextmanager
def _without_chatter() -> Iterator[None]:
    """Leave stdout to Python, line by line: Gloo announces every device there.

    When JAX aborts the process, a line that is still in a buffer would be lost.
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
