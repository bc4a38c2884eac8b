"""`ssljax config`: the complete config of a file, with a line of help for every key."""

import argparse
from collections.abc import Sequence

DESCRIPTION = """Print the complete config of a file: every key with its value and a line of help.
The output is a config file that `ssljax pretrain` takes. --config.KEY=VALUE sets any key, for
example --config.objective=byol.
"""


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add this command to the command line."""
    parser = commands.add_parser(
        "config",
        help="the complete config of a file, with a line on every key",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="ssljax config FILE.py [--config.KEY=VALUE ...]",
    )
    parser.add_argument(
        "file",
        metavar="FILE.py",
        help='Python file with get_config(); FILE.py:ARG calls get_config("ARG")',
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, rest: Sequence[str]) -> int:
    """Run the command."""
    from ssljax.commands import config_file
    from ssljax.commands.explained import explained

    print(explained(config_file.load(args.file, rest), args.file), end="")
    return 0
