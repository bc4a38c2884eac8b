"""A run of several processes, on one host each: where each stands, and that they begin and end as
one."""

import contextlib
import dataclasses
import os
import socket
import sys
import traceback
from collections.abc import Callable, Iterator

import jax
from jax._src.clusters import ClusterEnv  # what jax.distributed asks for what it is not given

from ssljax.errors import UserError
from ssljax.training.liaison import SILENCE, Line, Switchboard
from ssljax.training.relay import Relay

_LATE_NEWS = SILENCE + 5  # seconds until every process knows of another's end


@dataclasses.dataclass(frozen=True)
class Place:
    """The place of this process among those of the run.

    Attributes:
      coordinator: "HOST:PORT" on which process 0 listens for the others.
      count: of processes.
      process: number of this one, from 0.
      local_devices: ids of those devices of its host that it may use; None: all.
    """

    coordinator: str
    count: int
    process: int
    local_devices: tuple[int, ...] | None = None

    def __post_init__(self):
        host, _, port = self.coordinator.rpartition(":")
        if not (host and port.isdecimal() and 0 < int(port) < 2**16):
            raise UserError(f"--coordinator {self.coordinator} is not the HOST:PORT of process 0")
        if self.count < 1:
            raise UserError(f"--num-processes {self.count} must be at least 1")
        if not 0 <= self.process < self.count:
            raise UserError(
                f"--process-id {self.process} must be from 0 to {self.count - 1}, as "
                f"--num-processes is {self.count}"
            )

    @property
    def address(self) -> tuple[str, int]:
        """The host and the port of the coordinator."""
        return _split(self.coordinator)


def find_place(
    coordinator: str | None, count: int | None, process: int | None, *, patience: float
) -> Place:
    """Return the place that was given; what is None, as the cluster says.

    TPU slices, SLURM, Open MPI and Kubernetes are asked in the way of `jax.distributed`.

    Args:
      coordinator, count, process: see `Place`.
      patience: seconds for the name of the coordinator to be known.

    Raises:
      UserError: something is neither given nor to be found, or out of range.
    """
    try:
        found = ClusterEnv.auto_detect_unset_distributed_params(
            coordinator, count, process, None, None, int(patience)
        )
    except (RuntimeError, OSError, ValueError) as error:
        raise UserError(f"the cluster does not say where its processes are: {error}") from error
    flags = ("--coordinator HOST:PORT", "--num-processes N", "--process-id I")
    if absent := [flag for flag, value in zip(flags, found, strict=False) if value is None]:
        raise UserError(
            "this is no TPU slice, and no job of SLURM, Open MPI or Kubernetes, of several "
            f"processes; give {', '.join(absent)}"
        )
    return Place(*found[:3], None if found[3] is None else tuple(found[3]))


@contextlib.contextmanager
def together(
    place: Place, *, patience: float, stoppable: bool, tell: Callable[[BaseException], int]
) -> Iterator[None]:
    """Run the block in all processes of a run at once; JAX then has the devices of them all.

    If one of the processes dies, fails or vanishes, all others print which and exit at once with
    the status `liaison.ENDED`. An error in the block is told, and ends this process; it does not
    come out of this context.

    Args:
      place: of this process.
      patience: seconds for all to be there.
      stoppable: whether SIGTERM shall be handed to JAX's preemption service, see `StopRequest`.
      tell: prints an error for the user, and returns the exit status.

    Raises:
      UserError: not all came together.
    """
    reserved = _reserve_port() if place.process == 0 else None
    if reserved:
        host, port = place.coordinator.rpartition(":")[0], place.address[1]
        Switchboard(port, place.count, f"{host}:{reserved.getsockname()[1]}", patience)
    line = Line(place.address, place.process, place.count, patience)
    try:
        jax.config.update("jax_enable_preemption_service", stoppable)
        jax.distributed.initialize(
            line.start if place.process == 0 else Relay(_split(line.start)).address,
            place.count,
            place.process,
            place.local_devices,
            cluster_detection_method="deactivate",
            initialization_timeout=int(patience),
            shutdown_timeout_seconds=int(SILENCE),
        )
        if reserved:
            reserved.close()
        yield
        line.finish()
    except BaseException as error:
        # What the runtime says is mostly that another process does not answer: that one is named.
        if isinstance(error, RuntimeError):
            line.wait_for_the_end(_LATE_NEWS)
        line.fail(str(error) if isinstance(error, UserError) else _first_line(error))
        try:
            status = tell(error)
        except BaseException:
            traceback.print_exc()
            status = 1
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)  # JAX would wait for the others on the way out
    jax.distributed.shutdown()


def _split(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def _first_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]


def _reserve_port() -> socket.socket:
    """Return a socket that holds a free port for JAX's coordination service.

    All processes are told of it long before JAX listens there, and a port that only was free may
    go to any connection in between. JAX's server may share it, as this socket may.
    """
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    holder.bind(("", 0))
    return holder
