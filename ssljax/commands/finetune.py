"""`ssljax finetune`: train the encoder of a run on labels, and score it on the test split."""

import argparse
import json
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

from ssljax.commands import hosts
from ssljax.errors import UserError

DESCRIPTION = """Fine-tune the encoder of a run on labels, or train a linear probe on it.

The encoder is that of RUN, with the keys of FILE's encoder section that FILE sets, such as
drop_path; positions and channels are fitted to the data, and a table says what became of each
parameter. Objective, data, optimizer and steps are those of FILE; without an objective it is
"supervised". Labels may be classes, several at once, numbers or masks: see docs/finetune.md.

With --few-labels, FILE is trained on few labels of each class, or a share of all, several times,
beside a linear probe and training from scratch on the same examples: see few_labels.json.

An interrupted run goes on with the same command, with the same bits. In the end the test split is
scored once, with the last checkpoint: the score is printed, and written to WORKDIR/finetuning.json.

  ssljax pretrain --config experiments/quickstart.py:sklearn:digits --workdir runs/digits
  ssljax finetune --init-from runs/digits --config FILE.py --workdir runs/finetuned
  ssljax finetune --init-from runs/digits --config FILE.py --workdir runs/probe \\
      --config.objective.freeze_encoder=True --config.objective.head_norm=batch
"""


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add this command to the command line."""
    parser = commands.add_parser(
        "finetune",
        help="train the encoder of a run on labels, and score it",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="ssljax finetune --init-from RUN --config FILE.py --workdir DIR "
        "[--config.KEY=VALUE ...]",
    )
    parser.add_argument(
        "--init-from", required=True, metavar="RUN", help="workdir of the run to start from"
    )
    parser.add_argument(
        "--encoder",
        choices=("student", "teacher"),
        default="",
        help="whose parameters (default: whose features the run's objective gives)",
    )
    parser.add_argument(
        "--field",
        default="",
        metavar="NAME",
        help="of a run of several fields, such as clip's: whose encoder (default: that of its "
        "config.encoder)",
    )
    parser.add_argument(
        "--config",
        required=True,
        metavar="FILE.py",
        help='Python file with get_config(); FILE.py:ARG calls get_config("ARG")',
    )
    parser.add_argument(
        "--workdir",
        required=True,
        metavar="DIR",
        help="folder of the new run, for checkpoints, metrics and the score",
    )
    parser.add_argument(
        "--few-labels",
        default="",
        metavar="LIST",
        help="amounts of labels, such as 1,2,5,10,1%%,10%%: of each class, or shares of all",
    )
    parser.add_argument(
        "--draws",
        type=int,
        default=3,
        metavar="N",
        help="draws of the labels for each amount (default: 3)",
    )
    hosts.add_flags(parser, stoppable=True)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, rest: Sequence[str]) -> int:
    """Run the command."""
    with hosts.joined(args, stoppable=True):
        return _run(args, rest)


def _run(args: argparse.Namespace, rest: Sequence[str]) -> int:
    from ssljax.commands import config_file
    from ssljax.commands.pretrain import train
    from ssljax.objectives import objective_class
    from ssljax.training.workdir import folder

    workdir = folder(args.workdir)
    adapt = _started_from(args.init_from, args.encoder, args.field)
    config = config_file.load(args.config, rest, adapt=adapt)
    if not objective_class(config.objective.name).predicts:
        raise UserError(
            f"config.objective.name={config.objective.name!r} predicts no labels; finetune trains "
            "'supervised' or 'ctc', and pretrain any other, with "
            f"--config.init_from=({{'workdir':{args.init_from!r}}},)"
        )
    if not config.data.labels:
        raise UserError("config.data.labels=False: a fine-tuning learns labels; leave it out")
    if args.few_labels:
        return _few_labels(config, workdir, args.few_labels, args.draws)
    return train(config, workdir)


def _few_labels(config: Any, workdir: pathlib.Path, text: str, draws: int) -> int:
    """Run the grid of amounts and draws, or what is left of it."""
    import jax

    from ssljax.commands.compiled import keep_compiled
    from ssljax.files import write_atomically
    from ssljax.training.config import differences, from_json, to_json
    from ssljax.training.few_labels import amounts_of, few_labels, lines_of
    from ssljax.training.workdir import lock

    amounts, file = amounts_of(text), workdir / FEW_LABELS
    keep_compiled()
    say = print if jax.process_index() == 0 else lambda line: None
    with lock(workdir):
        known = {}
        if file.exists():
            before = json.loads(file.read_text(encoding="utf-8"))
            changed = differences(from_json(json.dumps(before["config"])), config)
            if changed:
                raise UserError(
                    f"{file} is of another config; choose another workdir. Different: "
                    f"{'; '.join(changed)}"
                )
            known = before["accuracies"]

        def save(accuracies: dict[str, Any], **result: Any) -> None:
            if jax.process_index() == 0:
                held = {"config": json.loads(to_json(config)), "accuracies": accuracies, **result}
                write_atomically(file, json.dumps(held, indent=2) + "\n")

        found = few_labels(config, amounts, draws, known, save=save, say=say)
        save(**found, draws=draws)
    say("")
    for line in lines_of(found["rows"], draws):
        say(line)
    say("")
    say(f"written to {file}")
    return 0


def _started_from(init_from: str, who: str, field: str) -> Callable[[Any], Any]:
    """Return what makes a file's config that of a run that starts from another."""
    from ssljax.training.config import complete, default_config
    from ssljax.training.transfer import pretrained_of
    from ssljax.training.workdir import folder, load_config

    start = pretrained_of(init_from, who, field)  # refuses what is no run
    section, other = start.section, load_config(folder(init_from))
    default = default_config()

    def adapt(config: Any) -> Any:
        values = config.to_dict()
        if values["init_from"]:
            raise UserError("config.init_from and --init-from both name a start; leave one out")
        own = values["encoder"]
        name = own.get("name", default.encoder.name)
        if name not in (default.encoder.name, section.name):
            named = [key for key, one in other.encoders.items() if one.name == name]
            hint = f", or add --field {named[0]}" if named else ""
            raise UserError(
                f"config.encoder.name={name!r}, and {init_from} has trained {section.name!r}; "
                f"leave the name out{hint}"
            )
        values["encoder"] = {**section.to_dict(), **own, "name": section.name}
        if values["objective"] == default.objective.to_dict():
            values["objective"] = {"name": "supervised"}
        values["data"]["labels"] = values["data"]["labels"] or True  # or "letters"
        if start.field.modality == "text":
            values["data"]["tokenizer"] = values["data"]["tokenizer"] or other.data.tokenizer
        chosen = {"encoder": who, "field": field}
        part = {"workdir": init_from, **{key: one for key, one in chosen.items() if one}}
        values["init_from"] = (part,)
        return complete(values)

    return adapt


def score_run(
    experiment: Any, state: Any, workdir: pathlib.Path, *, say: Callable[[str], None]
) -> None:
    """Score the predictions on the test split, print the scores, and write finetuning.json.

    Args:
      experiment: built of the run's config.
      state: of its last checkpoint.
      workdir: of the run.
      say: takes a line for the user.
    """
    import jax

    from ssljax.evaluation.predictions import sentence
    from ssljax.files import write_atomically
    from ssljax.training.predictions import score_test

    found = score_test(experiment, state)
    where = f"{found['data']['split']!r} of {found['data']['source']}"
    if "held_out" in found["data"]:
        where = f"{found['data']['held_out']:.0%} of {where}, held out"
    say("")
    say(f"{where}: {sentence(found['kind'], found['scores'], found['examples'])}")
    for note in found["notes"]:
        say(f"note: {note}")
    say("")
    result = {
        "step": int(state.step),
        "init_from": [dict(part) for part in experiment.config.init_from],
        **found,
    }
    if jax.process_index() == 0:
        write_atomically(workdir / RESULT, json.dumps(result, indent=2) + "\n")
    say(f"checkpoints, metrics.jsonl, tensorboard, config.json, {RESULT}: {workdir}")


RESULT = "finetuning.json"
FEW_LABELS = "few_labels.json"
