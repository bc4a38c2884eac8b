"""`ssljax report`: the evaluations of many runs in one Markdown table."""

import argparse
import json
import pathlib
import shlex
from collections.abc import Sequence
from typing import Any

from ssljax.errors import UserError
from ssljax.files import write_atomically

DESCRIPTION = """Put the evaluations of many runs into one Markdown table, ordered by family.

Reads config.json, metrics.jsonl and evaluation.json of each run; no code in these folders is run.
Below the table are the runs that were not evaluated, with their last step, and those that cannot be
read, with the reason. Runs that differ in the seed alone are put together in a second table.
"""

_NAMED = 3  # folders that the header of a page names


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add this command to the command line."""
    parser = commands.add_parser(
        "report",
        help="the evaluations of many runs in one table",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="ssljax report RUNS [RUNS ...] [--flops] [--output FILE]",
    )
    parser.add_argument(
        "runs",
        nargs="+",
        type=pathlib.Path,
        metavar="RUNS",
        help="folder of a run, or a folder with several of them",
    )
    parser.add_argument(
        "--output",
        type=pathlib.Path,
        metavar="FILE",
        help="file of the table (default: standard output)",
    )
    parser.add_argument(
        "--flops",
        action="store_true",
        help="count the operations of each training, which takes some seconds for each run",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, rest: Sequence[str]) -> int:
    """Run the command."""
    if rest:
        raise UserError(f"unknown argument {rest[0]!r}")
    from ssljax.evaluation.finetuned import few_labels_grids
    from ssljax.evaluation.measure import markdown
    from ssljax.evaluation.tables import comparison

    folders = dict.fromkeys(folder for path in args.runs for folder in _workdirs(path))
    runs, grids, broken = [], {}, {}
    for folder in folders:
        try:
            if (folder / "config.json").is_file():
                runs.append(_read(folder, args.flops))
            else:
                grids[str(folder)] = _grid(folder)
        except UserError as error:
            broken[folder] = error
    if not runs and not grids:
        raise next(iter(broken.values()))
    measured = {run.name: _protocols(run.name) for run in runs}
    # What was measured by protocols alone is in their table.
    probed = [run for run in runs if run.evaluation or not measured[run.name]]
    parts = [comparison(probed).rstrip()] if probed else []
    table = "\n\n".join([*parts, *(few_labels_grids(grids) if grids else [])])
    table += ("\n" if table else "") + markdown(measured)
    if broken:
        lines = (f"- `{folder}`: {error}" for folder, error in broken.items())
        table += "\nNot readable:\n\n" + "\n".join(lines) + "\n"
    options = [
        *(["--flops"] if args.flops else []),
        *(["--output", str(args.output)] if args.output else []),
    ]
    # Of many folders the first are named: the table has them all.
    named, others = args.runs[:_NAMED], args.runs[_NAMED:]
    command = shlex.join(("python", "-m", "ssljax", "report", *map(str, named), *options))
    further = f" and {len(others)} more" if others else ""
    text = f"# Results\n\nWritten by `{command}`{further}, not by hand.\n\n{table}"
    if not args.output:
        print(text, end="")
        return 0
    write_atomically(args.output, text)
    return 0


_MARKS = ("config.json", "few_labels.json")  # of a run, and of a grid of few labels


def _workdirs(path: pathlib.Path) -> list[pathlib.Path]:
    try:
        if any((path / name).is_file() for name in _MARKS):
            return [path]
        inside = sorted({file.parent for name in _MARKS for file in path.glob(f"*/{name}")})
    except OSError as error:
        raise UserError(f"cannot read the folder {path}: {error.strerror}") from error
    if not inside:
        raise UserError(
            f"{path} holds no run: there is neither {path / 'config.json'} nor a folder with one"
        )
    return inside


def _read(folder: pathlib.Path, count: bool) -> Any:
    from ssljax.evaluation.measure import markdown
    from ssljax.evaluation.tables import RunRecord, comparison
    from ssljax.training.metrics import read_metrics
    from ssljax.training.workdir import load_config

    config = load_config(folder)
    for section in (config.encoder, config.objective):
        if "name" not in section:
            raise UserError(f"{folder / 'config.json'} names no encoder, or no objective")
    evaluation = _json(folder / "evaluation.json")
    if evaluation and "protocols" in evaluation and "pretrained" not in evaluation:
        evaluation = None  # of further protocols alone
    metrics = read_metrics(folder / "metrics.jsonl")
    flops = _flops(folder, config) if count and evaluation else None
    family = _family(config.objective.name)
    finetuning = _json(folder / "finetuning.json")
    run = RunRecord(str(folder), family, config, metrics, evaluation, finetuning, flops)
    try:
        comparison([run])
        markdown({run.name: _protocols(run.name)})
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise UserError(
            f"{folder / 'evaluation.json'} or metrics.jsonl there is not of the form that this "
            f"version of ssljax writes ({type(error).__name__}: {error})"
        ) from error
    return run


def _grid(folder: pathlib.Path) -> dict[str, Any]:
    from ssljax.evaluation.finetuned import few_labels_grids

    file = folder / "few_labels.json"
    grid = _json(file)
    try:
        few_labels_grids({str(folder): grid})
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise UserError(
            f"{file} is not of the form that this version of ssljax writes, or its grid is not "
            f"finished ({type(error).__name__}: {error})"
        ) from error
    return grid


def _protocols(folder: str) -> dict[str, Any]:
    return (_json(pathlib.Path(folder) / "evaluation.json") or {}).get("protocols", {})


def _flops(folder: pathlib.Path, config: Any) -> int | None:
    """Return the FLOPs of a training; None for an objective whose code is not ssljax's."""
    if ":" in config.objective.name:
        return None
    import jax

    from ssljax.planning.program import model_flops
    from ssljax.training.data_record import spec_of_run
    from ssljax.training.experiment import build

    config = config.copy_and_resolve_references()
    config.mesh.update({"data": 1, "fsdp": 1, "tensor": 1})
    devices = jax.devices()[:1]
    experiment = build(config, spec_of_run(folder, config), devices=devices)
    return config.steps * model_flops(config, experiment, devices)


def _family(objective: str) -> str:
    from ssljax.objectives import OBJECTIVES

    if objective not in OBJECTIVES:
        return "own"
    return OBJECTIVES[objective].rpartition(".")[0] or "several"  # the folder of its module


def _json(path: pathlib.Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(found, dict) or not found:
            raise ValueError("it holds no object")
        return found
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not readable as JSON: {error}") from error
