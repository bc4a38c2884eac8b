"""The flags of a command that runs on several hosts at once."""

import argparse
import contextlib


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags by which the processes of a run find each other."""
    hosts = parser.add_argument_group(
        "several hosts",
        "the same command on each; on a TPU slice, under SLURM, Open MPI and Kubernetes\n"
        "--distributed alone finds the rest",
    )
    hosts.add_argument("--distributed", action="store_true", help="join the other hosts")
    hosts.add_argument("--coordinator", metavar="HOST:PORT", help="where process 0 listens")
    hosts.add_argument("--num-processes", type=int, metavar="N", help="of all hosts")
    hosts.add_argument("--process-id", type=int, metavar="I", help="of this one, from 0")
    hosts.add_argument(
        "--join-timeout",
        type=float,
        default=300,
        metavar="SECONDS",
        help="for all to be there (default: %(default)s)",
    )


def joined(args: argparse.Namespace, *, stoppable: bool) -> contextlib.AbstractContextManager:
    """Return the context of the command: with the other hosts, if the flags say so.

    Args:
      args: with the flags of `add_flags`.
      stoppable: see `ssljax.training.hosts.together`.
    """
    given = (args.coordinator, args.num_processes, args.process_id)
    if not args.distributed and given == (None, None, None):
        return contextlib.nullcontext()
    from ssljax.commands.failure import tell
    from ssljax.training.hosts import find_place, together

    place = find_place(*given, patience=args.join_timeout)
    return together(place, patience=args.join_timeout, stoppable=stoppable, tell=tell)
