"""The command line: `ssljax COMMAND ...`, also `python -m ssljax COMMAND ...`."""

import argparse
from collections.abc import Sequence
from importlib import metadata

from ssljax.commands import import_path
from ssljax.commands.failure import end_at_the_second_interrupt, tell

EPILOG = """
start here:
  ssljax list                                   all objectives, encoders, data sets, experiments
  ssljax config experiments/quickstart.py       the complete config, with a line on every key
  ssljax pretrain --config experiments/quickstart.py --workdir runs/quick
  ssljax finetune --init-from runs/quick --config FILE.py --workdir runs/tuned    on labels
  ssljax evaluate --workdir runs/quick          k-NN and linear probe beside their baselines
  ssljax evaluate --workdir runs/quick --protocol few_shot,layers    further protocols
  ssljax embed --workdir runs/quick --source folder:PATH --out features.npz
  ssljax import --from hf DIR --workdir runs/mae    a run of released weights (docs/weights.md)
  ssljax report runs                            the evaluations of all runs in one table
  ssljax plan --config experiments/quickstart.py --topology cpu:8    memory and time of a run

ssljax COMMAND --help explains a command.
"""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    # Only the named command's module is imported in full: `--help` need not wait for JAX.
    from ssljax.commands import (
        config,
        data,
        embed,
        evaluate,
        finetune,
        listing,
        plan,
        pretrain,
        report,
        weights_in,
        weights_out,
    )

    parser = argparse.ArgumentParser(
        prog="ssljax",
        description="Self-supervised pretraining in JAX, on one CPU core or on many accelerators.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=_version())
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    runs = pretrain, finetune, evaluate, embed
    for module in (*runs, weights_in, weights_out, report, plan, config, data, listing):
        module.add_parser(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; return its exit status, 2 for what the user can mend."""
    import_path.keep_current_folder_out()
    args, rest = build_parser().parse_known_args(argv)
    end_at_the_second_interrupt()
    try:
        return args.run(args, rest)
    except (Exception, KeyboardInterrupt) as error:
        return tell(error)


def _version() -> str:
    from ssljax import __version__

    return f"ssljax {__version__}, jax {metadata.version('jax')}"
