"""`ssljax report`: the evaluations of many runs in one Markdown table."""

import argparse
import json
import pathlib
import shlex
from collections.abc import Iterator, Sequence
from typing import Any

from ssljax.errors import UserError
from ssljax.files import write_atomically

DESCRIPTION = """Put the evaluations of many runs into one Markdown table, ordered by family.

Reads config.json, metrics.jsonl and evaluation.json of each; a run that was not evaluated is listed
below the table with how far it is. Nothing in a run's folder is executed.
"""


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add this command to the command line."""
    parser = commands.add_parser(
        "report",
        help="the evaluations of many runs in one table",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="ssljax report RUNS [RUNS ...] [--output FILE]",
    )
    parser.add_argument(
        "runs",
        nargs="+",
        type=pathlib.Path,
        metavar="RUNS",
        help="folder of a run, or folder of such folders",
    )
    parser.add_argument(
        "--output", type=pathlib.Path, metavar="FILE", help="(default: standard output)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, rest: Sequence[str]) -> int:
    """Run the command."""
    if rest:
        raise UserError(f"unknown argument {rest[0]!r}")
    from ssljax.evaluation.comparison import comparison

    folders = dict.fromkeys(folder for path in args.runs for folder in _workdirs(path))
    table = comparison([_read(folder) for folder in folders])
    output = ("--output", str(args.output)) if args.output else ()
    command = shlex.join(("python", "-m", "ssljax", "report", *map(str, args.runs), *output))
    text = f"# Results\n\nWritten by `{command}`, not by hand.\n\n{table}"
    if not args.output:
        print(text, end="")
        return 0
    write_atomically(args.output, text)
    return 0


def _workdirs(path: pathlib.Path) -> list[pathlib.Path]:
    if (path / "config.json").is_file():
        return [path]
    inside = sorted(found.parent for found in path.glob("*/config.json"))
    if not inside:
        raise UserError(
            f"{path} holds no run: there is neither {path / 'config.json'} nor a folder with one"
        )
    return inside


def _read(folder: pathlib.Path) -> Any:
    from ssljax.evaluation.comparison import RunRecord
    from ssljax.training.workdir import load_config

    config = load_config(folder)
    evaluation = _json(folder / "evaluation.json")
    metrics = list(_lines(folder / "metrics.jsonl"))
    return RunRecord(str(folder), _family(config.objective.name), config, metrics, evaluation)


def _family(objective: str) -> str:
    from ssljax.objectives import OBJECTIVES, objective_class

    return objective_class(objective).family if objective in OBJECTIVES else "own"


def _json(path: pathlib.Path) -> dict[str, Any] | None:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise UserError(f"{path} is not readable as JSON: {error}") from error


def _lines(path: pathlib.Path) -> Iterator[dict[str, float]]:
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            yield json.loads(line)
        except ValueError:  # the last line of a killed process may be cut short
            continue
