"""`ssljax plan`: memory and time of a run on hardware that you do not have."""

import argparse
import json
import pathlib
from collections.abc import Sequence

from ssljax.errors import UserError

DESCRIPTION = """Estimate memory and time of a run on hardware that you do not have.

The train step is compiled by the compiler of that hardware; nothing is run. The plan says how much
memory a chip needs and whether that fits, the FLOPs, the bytes and the collectives of a step, and
its time by the published peaks of the chip. The time is a lower bound: a real run takes longer.

Topologies: tpu:v5e:16x16, tpu:v5p:4x8x8, tpu:v6e:16x16, gpu:h100:8 (one host), gpu:h100:8x8 (8
hosts of 8 GPUs), gpu:a100:8, cpu:8. Several topologies give a table. Plans for TPUs need
pip install -e '.[plan-tpu]' in the folder of ssljax's setup.py, plans for GPUs '.[plan-gpu]', and
--plot '.[plan]'. --config.KEY=VALUE sets any key of the config.
"""
EPILOG = """
exit status: 0: all topologies fit; 3: one or more do not fit; 2: wrong input; 1: a compiler failed
"""
DOES_NOT_FIT = 3


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add this command to the command line."""
    parser = commands.add_parser(
        "plan",
        help="memory and time of a run on hardware that you do not have",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="ssljax plan --config FILE.py --topology NAME [--topology NAME ...] "
        "[--config.KEY=VALUE ...]",
    )
    parser.add_argument(
        "--config",
        required=True,
        metavar="FILE.py",
        help='Python file with get_config(); FILE.py:ARG calls get_config("ARG")',
    )
    parser.add_argument(
        "--topology",
        required=True,
        action="append",
        metavar="NAME",
        help="chips, such as tpu:v5e:16x16; may be given several times",
    )
    parser.add_argument(
        "--fit",
        action="store_true",
        help="if the run does not fit, search for settings with which it does",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="TPUs: plan in a fifth to a third of the time, without the bytes of HBM, and with a "
        "peak that is a few percent off",
    )
    parser.add_argument(
        "--batch-per-chip",
        type=int,
        default=0,
        metavar="N",
        help="examples of a step on each chip (default: config.batch_size / number of chips)",
    )
    parser.add_argument(
        "--spec",
        default="",
        metavar="DATA",
        help="shape and number of the examples: a run's workdir or its data.json, or "
        "MODALITY:SHAPE:NUMBER, such as image:256x256x3:1281167 (default: those of "
        "config.data.source; well-known data sets need not be on this machine)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    parser.add_argument(
        "--plot",
        type=pathlib.Path,
        metavar="FILE.svg",
        help="plot examples/s against chips; .png and .pdf, too",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, rest: Sequence[str]) -> int:
    """Run the command."""
    from ssljax import planning
    from ssljax.commands import config_file

    if args.batch_per_chip < 0:
        raise UserError(f"--batch-per-chip={args.batch_per_chip}; it must be at least 1")
    if args.plot:
        planning.require_plottable(args.plot)
    topologies = [planning.parse(spec) for spec in args.topology]
    config = config_file.load(args.config, rest)
    plans = []
    for topology in topologies:
        tried = planning.request_plans(
            config,
            topology,
            spec=args.spec,
            batch_per_chip=args.batch_per_chip,
            fit=args.fit,
            quick=args.quick,
        )
        plans.append(tried[-1])
        if not args.json:
            print(planning.describe(plans[-1]), end="\n\n", flush=True)
            if len(tried) > 1:
                print(planning.trials(tried), end="\n\n", flush=True)
    if args.json:
        print(json.dumps({"config": args.config, "plans": list(map(planning.to_json, plans))}))
    elif len(plans) > 1:
        print(planning.table(plans))
    if args.plot:
        planning.write_plot(plans, args.config, args.plot)
    return 0 if all(plan.memory.fits for plan in plans) else DOES_NOT_FIT
