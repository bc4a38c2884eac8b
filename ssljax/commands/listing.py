"""`ssljax list`: all objectives, encoders, data sets, optimizers, protocols and experiments."""

import argparse
import ast
import pathlib
import sys
import textwrap
from collections.abc import Iterable, Sequence

from ssljax.errors import UserError

WIDTH, _LEAST = 100, 40  # columns in all, and of the last one
KINDS = ("objectives", "encoders", "data", "optimizers", "protocols", "experiments")


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add this command to the command line."""
    parser = commands.add_parser(
        "list",
        help="objectives, encoders, data sets, optimizers, protocols, experiments",
        description="List all objectives, encoders, data sets, optimizers, protocols of evaluation "
        "and experiments.",
    )
    parser.add_argument("kind", nargs="?", choices=KINDS, help="which of them (default: all)")
    parser.add_argument(
        "--experiments",
        type=pathlib.Path,
        default=pathlib.Path("experiments"),
        metavar="DIR",
        help="folder of experiment configs (default: experiments)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, rest: Sequence[str]) -> int:
    """Run the command."""
    if rest:
        raise UserError(f"unknown argument {rest[0]!r}")
    for kind in [args.kind] if args.kind else KINDS:
        rows = list(_rows(kind, args.experiments))
        if kind == "experiments" and not rows:
            print(f"no experiment config in the folder {args.experiments}")
            continue
        print(f"{kind}:")
        for line in _table(rows):
            print(line)
        if not args.kind:
            print()
    return 0


def _rows(kind: str, folder: pathlib.Path) -> Iterable[tuple[str, ...]]:
    if kind == "objectives":
        return _objectives()
    if kind == "encoders":
        from ssljax.models import ENCODERS

        return ENCODERS.items()
    if kind == "data":
        from ssljax.data import KINDS as SOURCES

        return SOURCES.items()
    if kind == "optimizers":
        from ssljax.training.optimizer import OPTIMIZERS

        return OPTIMIZERS.items()
    if kind == "protocols":
        return _protocols()
    return _experiments(folder)


def _experiments(folder: pathlib.Path) -> Iterable[tuple[str, str]]:
    """Yield the configs in a folder; they are read, not run."""
    for path in sorted(folder.rglob("*.py")):
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, SyntaxError) as error:
            yield str(path), f"cannot be read: {type(error).__name__}: {error}"
            continue
        if any(
            isinstance(node, ast.FunctionDef) and node.name == "get_config" for node in tree.body
        ):
            yield str(path), _first_line(ast.get_docstring(tree))


def _objectives() -> Iterable[tuple[str, ...]]:
    """Yield the table of objectives, in the order of families: the folders that they lie in."""
    from ssljax.objectives import OBJECTIVES, objective_class

    yield "name", "family", "coupled", "paper", "what it does"
    classes = {name: objective_class(name) for name in OBJECTIVES}
    families = {name: cls.__module__.split(".")[-2] for name, cls in classes.items()}
    for name in sorted(classes, key=lambda name: (families[name], name)):
        cls = classes[name]
        coupled = {True: "yes", False: "no"}.get(cls.batch_coupled, "by tasks")
        family = families[name].replace("objectives", "several")
        paper = cls.paper
        yield name, family, coupled, paper, _first_line(sys.modules[cls.__module__].__doc__)


def _protocols() -> Iterable[tuple[str, str]]:
    """Yield the protocols of `ssljax evaluate --protocol`; the first two are its default."""
    from ssljax.evaluation.protocols import PROTOCOLS, protocol_class

    yield "knn", "Weighted k-nearest-neighbour classification, by default."
    yield "linear", "Logistic regression on all training features at once, by default."
    for name in PROTOCOLS:
        yield name, _first_line(sys.modules[protocol_class(name).__module__].__doc__)


def _table(rows: Sequence[tuple[str, ...]]) -> Iterable[str]:
    """Yield the lines of a table, the last column of which is wrapped."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)][:-1]
    for *cells, text in rows:
        start = "  " + "".join(
            f"{cell:{width}}  " for cell, width in zip(cells, widths, strict=True)
        )
        if len(start) > WIDTH - _LEAST:  # below rather than beside
            yield start.rstrip()
            start = " " * 6
        yield from textwrap.wrap(
            text, WIDTH, initial_indent=start, subsequent_indent=" " * len(start)
        ) or [start.rstrip()]


def _first_line(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0]
