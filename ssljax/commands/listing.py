"""`ssljax list`: what there is, a line each."""

import argparse
import ast
import pathlib
import sys
import types
from collections.abc import Iterable, Sequence

from ssljax.errors import UserError

KINDS = ("objectives", "encoders", "data", "optimizers", "experiments")


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add this command to the command line."""
    parser = commands.add_parser(
        "list",
        help="objectives, encoders, data sets, optimizers, experiments",
        description="List what there is, a line each.",
    )
    parser.add_argument("kind", nargs="?", choices=KINDS, help="by default all of them")
    parser.add_argument(
        "--experiments",
        type=pathlib.Path,
        default=pathlib.Path("experiments"),
        metavar="DIR",
        help="where experiment configs lie (default: experiments)",
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
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        print(f"{kind}:")
        for row in rows:
            cells = (f"{cell:{width}}" for cell, width in zip(row, widths, strict=True))
            print("  " + "  ".join(cells).rstrip())
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
    """Yield the table of objectives, in the order of families."""
    from ssljax.objectives import OBJECTIVES, objective_class

    yield "name", "family", "memory", "batch-coupled", "paper", "what it does"
    classes = {name: objective_class(name) for name in OBJECTIVES}
    for name, cls in sorted(classes.items(), key=lambda item: (item[1].family, item[0])):
        keeps = cls.keeps if isinstance(cls.keeps, str) else ", ".join(cls.keeps) or "none"
        coupled = {True: "yes", False: "no"}.get(cls.batch_coupled, "as its tasks")
        yield name, cls.family, keeps, coupled, cls.paper, _first_line(_module_of(cls).__doc__)


def _module_of(cls: type) -> types.ModuleType:
    return sys.modules[cls.__module__]


def _first_line(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0]
