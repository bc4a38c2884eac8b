"""`ssljax export`: the weights of a run for another library."""

import argparse
import math
import pathlib
from collections.abc import Sequence

from ssljax.commands import run_flags
from ssljax.errors import UserError

DESCRIPTION = """Write the weights of a run as config.json and model.safetensors.

--to hf           for from_pretrained of Hugging Face's transformers
--to timm         for timm.create_model("local-dir:DIR", pretrained=True); of ResNets, the names are
                  torchvision's too
--to safetensors  every array of any run, under the path that state.txt has

The encoder is the one whose features an evaluation measures: the teacher's, where the objective
says so. Heads for the pretext task have no counterpart and are left out. An imported run is written
with the names of its source, and at step 0 with the same bytes.
"""


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add this command to the command line."""
    parser = commands.add_parser(
        "export",
        help="the weights of a run for Hugging Face, timm, or as plain arrays",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="ssljax export --workdir RUN --to hf|timm|safetensors --out DIR [--step N]",
    )
    run_flags.add_flags(parser)
    parser.add_argument("--to", required=True, choices=("hf", "timm", "safetensors"))
    parser.add_argument(
        "--out", required=True, type=pathlib.Path, metavar="DIR", help="new folder to write"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, rest: Sequence[str]) -> int:
    """Run the command."""
    if rest:
        raise UserError(f"unknown argument {rest[0]!r}")
    from ssljax.commands import import_path
    from ssljax.commands.compiled import keep_compiled
    from ssljax.hub import export_weights
    from ssljax.training.workdir import folder

    if args.trust:
        import_path.allow_current_folder()
    keep_compiled()
    found = export_weights(
        folder(args.workdir), args.out, library=args.to, step=args.step, trust=args.trust
    )
    count = sum(map(math.prod, found.tensors.values()))
    print(f"{args.out}: {len(found.tensors):,} tensors, {count:,} numbers, of {found.title}")
    if found.of_teacher:
        print(f"weights are the teacher's: {', '.join(found.of_teacher)}")
    if found.left_out:
        print(f"without counterpart, left out: {', '.join(found.left_out)}")
    return 0
