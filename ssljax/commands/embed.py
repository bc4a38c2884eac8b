"""`ssljax embed`: the features of a run for all examples of a data set, in a file."""

import argparse
import io
import pathlib
from collections.abc import Sequence
from typing import Any

from ssljax.commands import run_flags
from ssljax.errors import UserError, printable
from ssljax.files import write_atomically

DESCRIPTION = """Write the features of a run for every example of a data set into a file.

An .npz file has the arrays features (float32 [n, D]) and id (the number of the example in the data
set), and, where the data set has them, label, class_names and name (of image files). A .parquet
file has them as columns, a list of floats in each row.

Examples are shown to the encoder whole, as an evaluation does.
"""
SUFFIXES = (".npz", ".parquet")


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add this command to the command line."""
    parser = commands.add_parser(
        "embed",
        help="the features of a run for a data set, in a file",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="ssljax embed --workdir DIR --out FILE [--source KIND:NAME] [--split SPLIT] "
        "[--output NAME] [--step N]",
    )
    run_flags.add_flags(parser)
    parser.add_argument(
        "--out",
        required=True,
        type=pathlib.Path,
        metavar="FILE",
        help="features.npz or features.parquet; it must not exist",
    )
    parser.add_argument(
        "--source", default="", metavar="KIND:NAME", help="data set (default: that of the training)"
    )
    parser.add_argument("--split", default="train", metavar="SPLIT", help="(default: train)")
    parser.add_argument(
        "--output",
        default="",
        metavar="NAME",
        help="output of the objective, such as projected/image (default: the one that is "
        "evaluated)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, rest: Sequence[str]) -> int:
    """Run the command."""
    if rest:
        raise UserError(f"unknown argument {rest[0]!r}")
    _require_new(args.out)
    from ssljax.api import load
    from ssljax.commands import import_path
    from ssljax.commands.compiled import keep_compiled
    from ssljax.training.evaluate import features_of

    if args.trust:
        import_path.allow_current_folder()
    keep_compiled()
    overrides = {"source": args.source, "output": args.output}
    overrides = {key: value for key, value in overrides.items() if value}
    model = load(args.workdir, step=args.step, trust=args.trust, evaluation=overrides)
    source, found = features_of(model.experiment, model.state, args.split)
    columns = {"id": found.ids, "features": found.features}
    if found.labels is not None:
        columns["label"] = found.labels
    if getattr(source, "names", None):
        columns["name"] = [printable(source.names[i]) for i in found.ids]
    write_atomically(args.out, _ENCODED[args.out.suffix](columns, source.class_names))
    count, dimension = found.features.shape
    print(f"{args.out}: {count:,} x {dimension} features of {source.name}, split {source.split}")
    return 0


def _require_new(out: pathlib.Path) -> None:
    """Refuse before anything is computed what could not be written then."""
    if out.suffix not in SUFFIXES:
        raise UserError(f"--out {out}: the name must end in {' or '.join(SUFFIXES)}")
    if out.exists():
        raise UserError(f"--out {out} is there already; give another name, or remove it first")
    if not out.absolute().parent.is_dir():
        raise UserError(f"--out {out}: there is no folder {out.parent}")
    if out.suffix == ".parquet":
        try:
            import pyarrow.parquet  # noqa: F401
        except ImportError as error:
            raise UserError(
                "a .parquet file needs pyarrow: pip install 'ssljax[parquet]'; or write .npz"
            ) from error


def _npz(columns: dict[str, Any], class_names: Sequence[str] | None) -> bytes:
    import numpy as np

    if class_names is not None:
        columns = {**columns, "class_names": list(class_names)}
    stream = io.BytesIO()
    np.savez(stream, **{name: np.asarray(values) for name, values in columns.items()})
    return stream.getvalue()


def _parquet(columns: dict[str, Any], class_names: Sequence[str] | None) -> bytes:
    import pyarrow
    import pyarrow.parquet

    features = columns["features"]
    arrays = {
        **columns,
        "features": pyarrow.FixedSizeListArray.from_arrays(features.ravel(), features.shape[1]),
    }
    if class_names is not None and "label" in columns:
        arrays["class_name"] = [class_names[label] for label in columns["label"]]
    stream = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(arrays), stream)
    return stream.getvalue()


_ENCODED = {".npz": _npz, ".parquet": _parquet}
