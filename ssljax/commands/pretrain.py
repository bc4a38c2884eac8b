"""`ssljax pretrain`: run a config, or continue it."""

import argparse
import pathlib
from collections.abc import Sequence

DESCRIPTION = """Pretrain as a config says, from wherever the workdir stands.

A new workdir begins a run; one that holds a run of the same config continues it, bit for bit as if
it had never stopped; one whose run is finished says so. Ctrl-C and SIGTERM save a checkpoint first.
Any key of the config can be set by --config.KEY=VALUE, for example --config.steps=200 or
--config.objective.temperature=0.2.
"""


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add this command to the command line."""
    parser = commands.add_parser(
        "pretrain",
        help="run an experiment config, or continue it",
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
        type=pathlib.Path,
        metavar="DIR",
        help="folder of the run: checkpoints, metrics, evaluation",
    )
    hosts = parser.add_argument_group(
        "several hosts",
        "the same command on each; on a TPU slice, under SLURM, Open MPI and Kubernetes\n"
        "--distributed alone finds the rest",
    )
    hosts.add_argument("--distributed", action="store_true", help="join the other hosts")
    hosts.add_argument("--coordinator", metavar="HOST:PORT", help="address of process 0")
    hosts.add_argument("--num-processes", type=int, metavar="N")
    hosts.add_argument("--process-id", type=int, metavar="I")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, rest: Sequence[str]) -> int:
    """Run the command."""
    import jax

    from ssljax.commands import config_file
    from ssljax.commands.evaluate import evaluate_run
    from ssljax.training.loop import pretrain

    if args.distributed or args.coordinator:
        jax.distributed.initialize(args.coordinator, args.num_processes, args.process_id)
    config = config_file.load(args.config, rest)
    say = print if jax.process_index() == 0 else lambda line: None
    outcome = pretrain(config, args.workdir, say=say)
    if outcome.signal is not None:
        say(
            f"stopped at step {int(outcome.state.step):,}, with a checkpoint; the same command "
            "continues"
        )
        return 128 + outcome.signal
    if outcome.already_finished:
        say(f"the run in {args.workdir} is finished: {config.steps:,} steps")
    if config.evaluation.final and not (
        outcome.already_finished and (args.workdir / "evaluation.json").exists()
    ):
        evaluate_run(outcome.experiment, outcome.state, args.workdir, say=say)
    return 0
