"""The flags that say which checkpoint of which run is used."""

import argparse


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add --workdir, --step and --trust."""
    parser.add_argument("--workdir", required=True, metavar="RUN", help="folder of the run")
    parser.add_argument(
        "--step", type=int, metavar="N", help="step of the checkpoint (default: the last)"
    )
    parser.add_argument(
        "--trust",
        action="append",
        default=[],
        metavar="MODULE:CLASS",
        help="allow the saved config to run this objective, which is not part of ssljax; it is "
        "looked for in the current folder too",
    )
