"""Checks of values of a config that must fit each other, which no section can see alone.

They come first: before data are opened, a folder is made or anything is compiled.
"""

import contextlib
import pathlib
import traceback
from collections.abc import Iterator, Mapping
from typing import Any

from ml_collections import ConfigDict

from ssljax.errors import UserError
from ssljax.evaluation.protocols import build_protocol
from ssljax.models import build_encoder, encoder_class
from ssljax.objectives import objective_class, require_reads
from ssljax.schema import check, convert, is_section
from ssljax.spec import Spec
from ssljax.training.optimizer import schedules
from ssljax.training.param_groups import ParamGroup
from ssljax.training.sections import Config, MixedIn, SetBeside
from ssljax.training.selection import selects

_PACKAGE = pathlib.Path(__file__).parents[1]


def require_consistent(config: ConfigDict) -> None:
    """Check all of a complete config that can be checked without data and devices.

    Raises:
      UserError: naming the keys and what would be right.
    """
    check(Config, config, "config")  # it may have been changed since it was completed
    build_encoder(config.encoder)
    for name, section in config.encoders.items():
        build_encoder(section, where=f"encoders.{name}")
    modality = encoder_class(config.encoder.name).modality
    further = {name: encoder_class(one.name).modality for name, one in config.encoders.items()}
    _require_fields(config.objective, modality, "config.objective", further)
    schedules(config.optimizer, steps=config.steps, batch_size=config.batch_size)
    for number, section in enumerate(config.data.mixture):
        check(MixedIn, section, f"config.data.mixture[{number}]")
    for number, section in enumerate(config.data.beside):
        check(SetBeside, section, f"config.data.beside[{number}]")
    if config.data.beside and (config.data.mixture or config.data.pack):
        other = "mixture" if config.data.mixture else "pack"
        raise UserError(
            f"config.data.beside puts whole examples of several sets side by side; it does not go "
            f"with config.data.{other}"
        )
    ragged = config.data.ragged or modality == "text"  # whose padding is always known
    if config.data.pack and (config.data.length or not ragged or config.data.labels):
        needed = "" if modality == "text" else "config.data.ragged=True, "
        raise UserError(
            f"config.data.pack={config.data.pack} packs whole examples without labels; it needs "
            f"{needed}config.data.length=0 and config.data.labels=False"
        )
    _require_tokenizer(config)
    _require_labels(config)
    for name, section in config.evaluation.protocols.items():
        build_protocol(name, section)
    _require_micro_batches(config)
    _require_other_split(config)
    require_scores(config)


def _require_tokenizer(config: ConfigDict) -> None:
    """Raise a UserError if a tokenizer is set, and nothing that is encoded can be text."""
    sections = (config.encoder, *config.encoders.values())
    if config.data.tokenizer and all(encoder_class(s.name).modality != "text" for s in sections):
        raise UserError(
            f"config.data.tokenizer={config.data.tokenizer!r} is for text, and no encoder of the "
            "config reads text; leave it out"
        )


def _require_labels(config: ConfigDict) -> None:
    """Raise a UserError if labels are asked for in a way that nothing can use."""
    data = config.data
    if data.per_label and not data.labels:
        raise UserError(
            f"config.data.per_label={data.per_label} is for objectives that are shown labels; set "
            "config.data.labels to True or 'group', or per_label to 0"
        )
    if data.per_label and data.mixture:
        raise UserError(
            f"config.data.per_label={data.per_label} chooses from one set, and config.data.mixture "
            "mixes several; leave one out"
        )
    if data.labels == "group" and objective_class(config.objective.name).predicts:
        raise UserError(
            "config.data.labels='group' gives training the groups as labels, and predictions of "
            f"config.objective.name={config.objective.name!r} are scored on those of the test "
            "split; set it to True"
        )


def require_scores(config: ConfigDict) -> None:
    """Raise a UserError if the best checkpoints are to be kept, and none would get a score."""
    keep_best, every = config.checkpoint.keep_best, config.evaluation.every
    if keep_best and not 0 < every <= config.steps:
        raise UserError(
            f"config.checkpoint.keep_best={keep_best} keeps the checkpoints of the best k-NN "
            f"accuracy, which config.evaluation.every={every} never measures; set evaluation.every "
            f"to a number of steps up to config.steps={config.steps}, or keep_best to 0"
        )


def require_enough(config: ConfigDict, examples: int) -> None:
    """Raise a UserError if a batch holds more examples than the training set has."""
    if config.batch_size > examples and not selects(config.data):
        raise UserError(
            f"config.batch_size={config.batch_size}, but the split {config.data.split!r} of "
            f"{config.data.source} has only {examples} examples"
        )


_USUAL = Config()
# Keys that only some modalities have a use for.
_SIZES = {
    "data.image_size": ("image",),
    "data.length": ("series", "text", "audio", "video"),
    "data.stride": ("video",),
    "data.clips": ("video",),
    "data.ragged": ("series", "text"),
    "data.pack": ("series", "text"),
    "data.tokenizer": ("text",),
    "data.spectrogram": ("audio",),
    "evaluation.size": ("image",),
    "evaluation.resize": ("image",),
    "evaluation.clips": ("video",),
    "evaluation.crops": ("video",),
}


def require_sizes(config: ConfigDict, spec: Spec) -> None:
    """Raise a UserError if a size is set, or a treatment of lengths, that none of the data has, or
    crops of squares."""
    crops = config.evaluation.get("crops", 1)
    for field in spec.fields.values():
        if field.modality == "video" and crops > 1 and field.shape[-3] == field.shape[-2]:
            raise UserError(
                f"config.evaluation.crops={crops} are along the longer side of frames, and these "
                f"are squares of {field.shape[-2]} pixels; set it to 1"
            )
    found = {field.modality for field in spec.fields.values()} - {"label", "presence"}
    for key, modalities in _SIZES.items():
        section, name = key.split(".")
        value, usual = config[section][name], getattr(getattr(_USUAL, section), name)
        if value and value != usual and not found & {*modalities}:
            raise UserError(
                f"config.{key}={value} is for data of the modality {' or '.join(modalities)}, and "
                f"the data are of the modality {' and '.join(sorted(found))}; leave it out"
            )


def require_trained(groups: Mapping[str, ParamGroup], steps: int) -> None:
    """Raise a UserError if no parameter would ever change.

    Args:
      groups: of the optimizer, by path of the parameter.
      steps: of the run.
    """
    if all(one.frozen or one.frozen_steps >= steps for one in groups.values()):
        raise UserError(
            f"config.optimizer.param_groups freeze all {len(groups)} parameters for all of the "
            f"{steps:,} steps, so that nothing would be trained"
        )


def require_neighbours(config: ConfigDict, examples: int) -> None:
    """Raise a UserError if k-NN would ask more neighbours than there are.

    Args:
      config: complete.
      examples: of the split that votes.
    """
    if config.evaluation.knn_k > examples:
        raise UserError(
            f"config.evaluation.knn_k={config.evaluation.knn_k}, but "
            f"{config.evaluation.train_split!r} has only {examples} examples that could vote"
        )


@contextlib.contextmanager
def argument_checks_told() -> Iterator[None]:
    """Turn the argument checks of models, ops and losses into UserErrors.

    Those floors know of no config, and raise ValueErrors. While an experiment is built and its step
    is traced, what they refuse came from the config. A ValueError that another package raises is
    an error of the program, and passes.
    """
    try:
        yield
    except UserError:
        raise
    except ValueError as error:
        raised = traceback.extract_tb(error.__traceback__)[-1].filename
        if not pathlib.Path(raised).is_relative_to(_PACKAGE):
            raise
        raise UserError(
            f"config.encoder, config.objective and the data do not fit: {error}"
        ) from error


def _require_fields(
    section: Mapping[str, Any], modality: str, where: str, further: Mapping[str, str]
) -> None:
    """Check the modality and fields of an objective, and of the tasks in it, by types alone.

    Sections that the class makes itself of (`from_config`) are left to it. `further` has the
    modalities of further fields, which a task may read, by name.
    """
    if not is_section(section) or "name" not in section:
        raise UserError(f"{where} lacks a name; see `ssljax list objectives`")
    cls = objective_class(convert(section["name"], str, f"{where}.name"))
    require_reads(cls, modality, f"{where}.name={section['name']!r}")
    fields = {key: value for key, value in section.items() if key != "name"}
    tasks = fields.get("tasks")
    for name, task in tasks.items() if is_section(tasks) else ():
        own = further.get(task.get("field", ""), modality) if is_section(task) else modality
        if is_section(task):
            task = {key: value for key, value in task.items() if key != "field"}
        _require_fields(task, own, f"{where}.tasks.{name}", further)
    own = {
        key for key, value in fields.items() if hasattr(cls, "from_config") and is_section(value)
    }
    check(cls, {key: fields[key] for key in fields if key not in own}, where, "run", *own)


def _require_micro_batches(config: ConfigDict) -> None:
    if config.batch_size % config.accumulate:
        raise UserError(
            f"config.batch_size={config.batch_size} is not a multiple of config.accumulate="
            f"{config.accumulate}, the number of its micro-batches"
        )


def _require_other_split(config: ConfigDict) -> None:
    options = config.evaluation
    if options.test_split == options.train_split and (options.final or options.every):
        raise UserError(
            f"config.evaluation.test_split={options.test_split!r} is the train split: every "
            "example would be scored by its own label, 100% whatever the features are; name "
            "another split, or leave it at 'test'"
        )
