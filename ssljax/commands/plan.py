"""`ssljax plan`: what a run takes on hardware that one does not have."""

import argparse
import json
import pathlib
from collections.abc import Sequence

from ssljax.errors import UserError

DESCRIPTION = """Compile the train step of a config for a topology, with the compiler of that
hardware but without the hardware, and say what it takes: memory and whether it fits, FLOPs, bytes,
collectives, and the time that follows from the chip's published peaks. That time is an estimate:
no run of that program can beat it.

Topologies: tpu:v5e:16x16, tpu:v5p:4x8x8, tpu:v6e:16x16, gpu:h100:8 (one host), gpu:h100:8x8 (hosts
x GPUs of each), gpu:a100:8, cpu:8. Several give a table. For TPUs, run pip install -e '.[plan-tpu]'
in the folder of ssljax's setup.py; for GPUs, '.[plan-gpu]'; for --plot, '.[plan]'. Any key of the
config can be set by --config.KEY=VALUE.
"""
EPILOG = """
exit status: 0 all fit, 3 one or more do not fit, 2 bad input, 1 a compiler failed
"""
DOES_NOT_FIT = 3


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add this command to the command line."""
    parser = commands.add_parser(
        "plan",
        help="what a run takes on hardware that one does not have",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="ssljax plan --config FILE.py --topology NAME [--topology NAME ...] "
        "[--config.KEY=VALUE ...]",
    )
    parser.add_argument(
        "--config", required=True, metavar="FILE.py", help="as for `ssljax pretrain`"
    )
    parser.add_argument(
        "--topology", required=True, action="append", metavar="NAME", help="such as tpu:v5e:16x16"
    )
    parser.add_argument(
        "--fit", action="store_true", help="where it does not fit, try settings until it does"
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="TPUs: a fifth to a third of the time. HBM bytes are not counted, and the peak is a "
        "few percent off",
    )
    parser.add_argument(
        "--batch-per-chip",
        type=int,
        default=0,
        metavar="N",
        help="examples of a step on each chip (default: config.batch_size over all chips)",
    )
    parser.add_argument(
        "--spec",
        default="",
        metavar="DATA",
        help="what the data are like: a run's workdir or its data.json, or MODALITY:SHAPE:NUMBER, "
        "such as image:256x256x3:1281167 (default: as in the data set, which need not be here if "
        "it is a well-known one)",
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
