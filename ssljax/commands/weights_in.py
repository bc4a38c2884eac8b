"""`ssljax import`: weights of another library as a run."""

import argparse
import math
import pathlib
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence

from ssljax.errors import UserError

_NAMED = 4  # names that a line lists
_PART = re.compile(r"^(?:stats/)?([^/.]+)/.*")  # the component that a path of ours is of
DESCRIPTION = """Make a run of weights of another library, at step 0.

--from hf DIR        config.json and model.safetensors of Hugging Face, by its model_type:
                     images   vit (DINO), vit_mae, ijepa, dinov2, dinov2_with_registers, resnet
                     texts    bert, roberta, albert, electra, gpt2; proteins: esm
                     pairs    clip, siglip
                     sounds   wav2vec2, hubert, data2vec-audio, audio-spectrogram-transformer
                     videos   videomae, vjepa2
--from timm DIR|FILE config.json and model.safetensors of timm; or a .safetensors file of timm or
                     torchvision, with --model NAME: vit_*, deit_*, resnet18 to resnet152

evaluate, embed, export, ssljax.load, and pretrain with config.init_from take the run like any
other. The heads of its objective start afresh; the table says what became of every tensor. Only
safetensors are read: a pickle can run code.
"""


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add this command to the command line."""
    parser = commands.add_parser(
        "import",
        help="make a run of weights of Hugging Face, timm or torchvision",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="ssljax import --from hf|timm DIR --workdir RUN [--model NAME] [--objective NAME]",
    )
    parser.add_argument("--from", dest="origin", required=True, choices=("hf", "timm"))
    parser.add_argument("place", type=pathlib.Path, metavar="DIR", help="folder, or file of timm")
    parser.add_argument("--workdir", required=True, metavar="RUN", help="new folder of the run")
    parser.add_argument(
        "--model", default="", metavar="NAME", help="name of timm's model, without a config.json"
    )
    parser.add_argument(
        "--objective",
        default="",
        metavar="NAME",
        help="of the run (default: that of the family, see docs/weights.md)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, rest: Sequence[str]) -> int:
    """Run the command."""
    if rest:
        raise UserError(f"unknown argument {rest[0]!r}")
    from ssljax.commands.compiled import keep_compiled
    from ssljax.hub import import_weights
    from ssljax.training.workdir import folder

    keep_compiled()
    workdir = folder(args.workdir)
    found = import_weights(
        args.place,
        workdir,
        library=args.origin,
        model=args.model,
        objective=args.objective,
    )
    config, shown = found.experiment.config, found.shown
    print(f"{workdir}: {config.objective.name} on {config.encoder.name}, step 0")
    for what, shapes in (
        ("loaded", found.loaded),
        ("equal to what is computed here", found.fixed),
        ("initialised afresh", found.afresh),
        ("unused", found.unused),
    ):
        print(_line(what, shapes))
    if found.teacher:
        print(f"the teacher starts as a copy: {', '.join(found.teacher)}")
    if shown is None:
        print(f"texts are of up to {config.data.length} tokens, made by config.data.tokenizer")
    else:
        height, width = shown.size
        statistics = f"mean {_numbers(shown.mean)}, std {_numbers(shown.std)} ({shown.source})"
        print(f"images are shown at {height} x {width}, {statistics}")
    quoted = shlex.quote(str(workdir))
    print(
        f"evaluate it with: ssljax evaluate --workdir {quoted} --config.evaluation.source=KIND:NAME"
    )
    return 0


def _line(what: str, shapes: Mapping[str, tuple[int, ...]]) -> str:
    """Return a line of the table: how many arrays and numbers, and which, or of which parts."""
    count = sum(map(math.prod, shapes.values()))
    names = list(dict.fromkeys(_PART.sub(r"\1", name) for name in shapes))
    listed = ", ".join(names[:_NAMED])
    more = f", and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return f"  {what:30}  {len(shapes):5,} arrays {count:13,} numbers  {listed}{more}".rstrip()


def _numbers(values: Iterable[float]) -> str:
    return " ".join(f"{value:.4g}" for value in values)
