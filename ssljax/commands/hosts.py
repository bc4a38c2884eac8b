"""The flags of a command that runs on several hosts at once."""

import argparse
import contextlib
import os
import re

from ssljax.errors import UserError


def add_flags(parser: argparse.ArgumentParser, *, stoppable: bool) -> None:
    """Add the flags by which the processes of a run find each other.

    Args:
      parser: of the command.
      stoppable: whether the command goes step by step, see `ssljax.training.hosts.together`.
    """
    hosts = parser.add_argument_group(
        "several hosts",
        "Run the same command on each host. On a TPU slice and under SLURM, Open MPI and\n"
        "Kubernetes, --distributed is enough; elsewhere give the other flags too.",
    )
    hosts.add_argument(
        "--distributed", action="store_true", help="run together with the other hosts"
    )
    hosts.add_argument("--coordinator", metavar="HOST:PORT", help="address of process 0")
    hosts.add_argument(
        "--num-processes", type=int, metavar="N", help="number of processes in the run"
    )
    hosts.add_argument("--process-id", type=int, metavar="I", help="number of this process, from 0")
    hosts.add_argument(
        "--join-timeout",
        type=float,
        default=300,
        metavar="SECONDS",
        help="longest wait for all processes at the start (default: %(default)s)",
    )
    if stoppable:
        hosts.add_argument(
            "--hang-timeout",
            type=float,
            metavar="SECONDS",
            help="end a process in which a step takes longer than this (default: never)",
        )


def joined(args: argparse.Namespace, *, stoppable: bool) -> contextlib.AbstractContextManager:
    """Return the context of the command: with the other hosts, if the flags say so.

    Args:
      args: with the flags of `add_flags`.
      stoppable: see `ssljax.training.hosts.together`.

    Raises:
      UserError: a flag that is malformed or out of range, or what `together` refuses.
    """
    given = (args.coordinator, args.num_processes, args.process_id)
    if not args.distributed and given == (None, None, None):
        return contextlib.nullcontext()
    if args.coordinator is not None and not re.fullmatch(r".+:[0-9]+", args.coordinator):
        raise UserError(f"--coordinator {args.coordinator} is not the HOST:PORT of process 0")
    count, process = args.num_processes, args.process_id
    if count is not None and count < 1:
        raise UserError(f"--num-processes {count} must be at least 1")
    if None not in (count, process) and not 0 <= process < count:
        raise UserError(
            f"--process-id {process} must be from 0 to {count - 1}, as --num-processes is {count}"
        )
    # Warnings of JAX's C++ log, such as that SIGTERM has come; to be set before JAX is imported.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from ssljax.commands.failure import tell
    from ssljax.training.hosts import together

    return together(
        *given,
        patience=args.join_timeout,
        stoppable=stoppable,
        tell=tell,
        hang_timeout=args.hang_timeout if stoppable else None,
    )
