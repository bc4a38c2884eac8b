"""`ssljax evaluate`: frozen features of a run, beside a random-init encoder and the raw input."""

import argparse
import pathlib
import tempfile
from collections.abc import Callable, Sequence
from typing import Any

from ssljax.commands import hosts, import_path, run_flags
from ssljax.errors import UserError, unknown

DESCRIPTION = """Evaluate the frozen features of a run: weighted k-NN and a linear probe, or other
protocols by name; `ssljax list protocols` lists them, docs/evaluation.md explains them.

Prints a table and writes WORKDIR/evaluation.json. The table compares the pretrained encoder with
the same encoder before training and with the raw input. The regularisation of the probe is selected
on a held-out part of the training split; the test split is scored once. Scores are kept in the data
directory (scores/): baselines of several runs on the same data are computed once. The file keeps
what earlier calls found of the same checkpoint and data by other protocols.

The evaluation uses all devices of this machine, whatever the run used. It reads the data set of
config.evaluation.source, by default the one of the training. --config.evaluation.KEY=VALUE sets a
key of the evaluation, for example --config.evaluation.source=folder:/data/photos.
"""


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add this command to the command line."""
    parser = commands.add_parser(
        "evaluate",
        help="k-NN, linear probe and further protocols, beside their baselines",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="ssljax evaluate --workdir RUN [--protocol NAME[,NAME...]] [--step N]\n"
        "                       [--output FILE] [--config.evaluation.KEY=VALUE ...]",
    )
    run_flags.add_flags(parser)
    parser.add_argument(
        "--protocol",
        metavar="NAME[,NAME...]",
        help="what is measured, see `ssljax list protocols` (default: knn,linear, and those of "
        "config.evaluation.protocols)",
    )
    parser.add_argument(
        "--output",
        type=pathlib.Path,
        metavar="FILE",
        help="file of the result (default: WORKDIR/evaluation.json)",
    )
    hosts.add_flags(parser, stoppable=False)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, rest: Sequence[str]) -> int:
    """Run the command."""
    with hosts.joined(args, stoppable=False):
        return _run(args, rest)


def _run(args: argparse.Namespace, rest: Sequence[str]) -> int:
    import jax

    from ssljax.commands import config_file
    from ssljax.commands.compiled import keep_compiled
    from ssljax.training.data_record import read_data_record, spec_of_run
    from ssljax.training.evaluate import (
        build_for_evaluation,
        require_evaluable,
        restore_for_evaluation,
    )
    from ssljax.training.trust import require_trust
    from ssljax.training.workdir import folder, load_config

    workdir = folder(args.workdir)
    config = load_config(workdir)
    require_trust(config.objective, args.trust, "add --trust {}")
    if args.trust:
        import_path.allow_current_folder()
    if strange := [key for key in rest if not key.startswith("--config.evaluation.")]:
        raise UserError(f"evaluate takes --config.evaluation.KEY=VALUE only, not {strange[0]!r}")
    config = _with_protocols(config_file.override(config, rest), args.protocol)
    output = args.output or workdir / "evaluation.json"
    if jax.process_index() == 0:
        _require_writable(output)
    keep_compiled()
    experiment = build_for_evaluation(config, spec_of_run(workdir, config))
    require_evaluable(experiment, final=True)
    state = restore_for_evaluation(experiment, workdir, args.step)
    say = print if jax.process_index() == 0 else lambda line: None
    record = read_data_record(workdir)
    evaluate_run(experiment, state, workdir, output=output, record=record, say=say)
    return 0


def _with_protocols(config: Any, names: str | None) -> Any:
    """Return the config with these protocols alone, with the settings that it has for them."""
    from ssljax.evaluation.intervals import PROBES
    from ssljax.evaluation.protocols import PROTOCOLS
    from ssljax.training.config import complete

    if names is None:
        return config
    asked = [name.strip() for name in names.split(",") if name.strip()]
    for name in asked or [names]:
        if name not in PROBES and name not in PROTOCOLS:
            raise unknown("protocol", name, [*PROBES, *PROTOCOLS])
    values = config.to_dict()
    settings = values["evaluation"]["protocols"]
    if strange := [name for name in settings if name not in asked and name not in PROTOCOLS]:
        raise unknown("protocol", strange[0], PROTOCOLS)
    values["evaluation"] |= {
        "probes": [name for name in PROBES if name in asked],
        "protocols": {name: settings.get(name, {}) for name in asked if name not in PROBES},
    }
    return complete(values)


def evaluate_run(
    experiment: Any,
    state: Any,
    workdir: pathlib.Path,
    *,
    output: pathlib.Path | None = None,
    record: Any = None,
    say: Callable[[str], None],
) -> None:
    """Evaluate in full, print the table, write evaluation.json, and say where everything lies.

    Args:
      experiment: built of the run's config.
      state: of the checkpoint to evaluate.
      workdir: of the run.
      output: where the result is written; by default evaluation.json in `workdir`.
      record: the `DataRecord` of the run, see `full_evaluation`.
      say: takes a line for the user.
    """
    import jax

    from ssljax.evaluation import table, with_earlier, write
    from ssljax.evaluation.measure import require_measured
    from ssljax.training.evaluate import full_evaluation

    output = output or workdir / "evaluation.json"
    result = full_evaluation(experiment, state, record=record, say=say)
    asked = result.get("protocols", {})
    result = with_earlier(result | {"flops_per_example": _flops(experiment)}, output)
    say("")
    say(table(result))
    say("")
    if jax.process_index() == 0:  # last, so that a full disk costs the file and not the numbers
        write(result, output)
    if output == workdir / "evaluation.json":
        say(f"checkpoints, metrics.jsonl, tensorboard, config.json, evaluation.json: {workdir}")
    else:
        say(f"written to {output}")
    require_measured(asked)  # last, so that what was measured is written


def _flops(experiment: Any) -> int:
    """Return the FLOPs of the evaluated output for one example: the encoder's forward pass."""
    import dataclasses

    from ssljax.planning.flops import traced

    state, shards = experiment.abstract_state, experiment.mesh.size
    spec = dataclasses.replace(experiment.objective.run.spec, fields=experiment.output.fields)
    run = experiment.embed.trace(state.params, state.objective_state, spec.batch(shards))
    return traced(run.jaxpr.jaxpr) // shards


def _require_writable(output: pathlib.Path) -> None:
    """Refuse to compute for minutes what could not be written then."""
    try:
        with tempfile.TemporaryFile(dir=output.parent):
            pass
    except OSError as error:
        raise UserError(
            f"cannot write {output}: {error.strerror}; say where to by --output FILE"
        ) from error
