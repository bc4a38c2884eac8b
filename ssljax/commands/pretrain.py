"""`ssljax pretrain`: run a config, or continue the run in the workdir."""

import argparse
import pathlib
import shlex
import signal
import sys
from collections.abc import Sequence
from typing import Any

from ssljax.commands import hosts

DESCRIPTION = """Run a config, or continue the run in the workdir.

With a new workdir, a run begins. If the workdir holds an unfinished run of the same config, it
continues with the same bits as without the interruption. Ctrl-C and SIGTERM save a checkpoint, then
stop. --config.KEY=VALUE sets any key of the config, for example --config.steps=200 or
--config.objective.temperature=0.2; `ssljax config FILE.py` explains all keys.
"""


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add this command to the command line."""
    parser = commands.add_parser(
        "pretrain",
        help="run a config, or continue the run in the workdir",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="ssljax pretrain --config FILE.py --workdir DIR [--config.KEY=VALUE ...]",
    )
    parser.add_argument(
        "--config",
        required=True,
        metavar="FILE.py",
        help='Python file with get_config(); FILE.py:ARG calls get_config("ARG")',
    )
    parser.add_argument(
        "--workdir",
        required=True,
        metavar="DIR",
        help="folder of the run, for checkpoints, metrics and evaluation",
    )
    hosts.add_flags(parser, stoppable=True)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, rest: Sequence[str]) -> int:
    """Run the command."""
    with hosts.joined(args, stoppable=True):
        return _run(args, rest)


def _run(args: argparse.Namespace, rest: Sequence[str]) -> int:
    from ssljax.commands import config_file
    from ssljax.training.workdir import folder

    workdir = folder(args.workdir)
    return train(config_file.load(args.config, rest), workdir)


def train(config: Any, workdir: pathlib.Path) -> int:
    """Run a config to its end or to a signal, then measure what it has learned.

    What predicts labels is scored by its predictions, any other by its features.

    Returns:
      The exit status.
    """
    import jax

    from ssljax.commands.compiled import keep_compiled
    from ssljax.commands.evaluate import evaluate_run
    from ssljax.commands.finetune import RESULT, score_run
    from ssljax.training.loop import pretrain

    keep_compiled()
    say = _say if jax.process_index() == 0 else lambda line: None
    outcome = pretrain(config, workdir, say=say)
    if outcome.signal is not None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # another Ctrl-C has nothing left to stop
        say(
            f"stopped at step {int(outcome.state.step):,}, with a checkpoint; the same command "
            "continues"
        )
        return 128 + outcome.signal
    if outcome.already_finished:
        say(f"the run in {workdir} is finished: {config.steps:,} steps")
    predicts = outcome.experiment.objective.predicts
    measure, result = (score_run, RESULT) if predicts else (evaluate_run, "evaluation.json")
    measured = outcome.already_finished and (workdir / result).exists()
    if config.evaluation.final and not measured:
        # Of several processes JAX has taken SIGTERM for the steps, which are over.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        measure(outcome.experiment, outcome.state, workdir, say=say)
        return 0
    if not outcome.already_finished:
        say(f"finished: {config.steps:,} steps")
    say(f"checkpoints, metrics.jsonl, tensorboard, config.json: {workdir}")
    say(f"evaluate it with: ssljax evaluate --workdir {shlex.quote(str(workdir))}")
    return 0


def _say(line: str) -> None:
    from tqdm import tqdm

    tqdm.write(line)  # above the progress bar, if there is one
    sys.stdout.flush()  # in order with standard error, where both go to one file
