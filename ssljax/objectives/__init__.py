"""Pretext tasks, by name. Each is one file on the interface of `base.py`, in the folder of its
family, and found there."""

import importlib
import inspect
from collections.abc import Mapping
from typing import Any

from ssljax.errors import UserError, in_code_of_user, unknown
from ssljax.objectives.base import Aux, Loss, Objective, Refreshing, Run
from ssljax.objectives.registry import find_objectives
from ssljax.objectives.whole import averaged, outputs_of
from ssljax.schema import convert, is_section, parse

__all__ = [
    "OBJECTIVES",
    "Aux",
    "Loss",
    "Objective",
    "Refreshing",
    "Run",
    "averaged",
    "build_objective",
    "objective_class",
    "outputs_of",
    "require_reads",
]

OBJECTIVES = find_objectives()


def objective_class(name: str) -> type[Objective]:
    """Return the class of an objective.

    Args:
      name: one of `OBJECTIVES`, or "package.module:Class" of a user's own.

    Raises:
      UserError: no such name, module or class, code of the user that fails, or something that is no
        objective.
    """
    address = f"ssljax.objectives.{OBJECTIVES[name]}" if name in OBJECTIVES else name
    module_name, _, class_name = address.partition(":")
    if not class_name or not all(part.isidentifier() for part in module_name.split(".")):
        raise unknown("objective", name, [*OBJECTIVES, "package.module:Class"])
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise UserError(
            f"config.objective.name={name!r}: cannot import {module_name!r}: {error}"
        ) from error
    except Exception as error:
        told = in_code_of_user(module_name.replace(".", "/") + ".py", error)
        raise UserError(f"config.objective.name={name!r}: {told}") from error
    if not hasattr(module, class_name):
        raise unknown(
            f"class in {module_name}", class_name, dict(inspect.getmembers(module, inspect.isclass))
        )
    cls = getattr(module, class_name)
    if not (isinstance(cls, type) and issubclass(cls, Objective)):
        raise UserError(
            f"config.objective.name={name!r}: {class_name} is not a class that derives from "
            "ssljax.objectives.Objective"
        )
    return cls


def require_reads(cls: type[Objective], modality: str, where: str) -> None:
    """Raise a UserError unless an objective takes data of a modality.

    Args:
      cls: of the objective.
      modality: of the field that the encoder reads.
      where: "KEY=VALUE" of the config, for the message.
    """
    if cls.reads and modality not in cls.reads:
        raise UserError(
            f"{where} takes {' or '.join(cls.reads)} data, and config.encoder reads {modality} "
            "data; choose another objective, or the data and an encoder of the other kind"
        )


def build_objective(section: Mapping[str, Any], run: Run, where: str = "objective") -> Objective:
    """Return the objective of a config section: its `name`, and its fields.

    Raises:
      UserError: an unknown name or field, a value that the objective refuses, data of a modality
        that it does not take, or a batch too small to learn anything from.
    """
    if not is_section(section) or "name" not in section:
        raise UserError(f"config.{where} lacks a name; one of {', '.join(OBJECTIVES)}")
    cls = objective_class(convert(section["name"], str, f"config.{where}.name"))
    require_reads(cls, run.field.modality, f"config.{where}.name={section['name']!r}")
    if run.batch_size < (smallest := cls.smallest_batch):
        raise UserError(
            f"batch_size={run.batch_size} with config.{where}.name={section['name']!r}: its loss "
            f"compares the examples of a batch, and its gradient is 0 with fewer than {smallest}; "
            f"set batch_size to at least {smallest}"
        )
    if run.field.ragged and not cls.takes_ragged:
        able = [other for other in OBJECTIVES if objective_class(other).takes_ragged]
        raise UserError(
            f"config.{where}.name={section['name']!r} takes no examples of different lengths; "
            f"choose from {', '.join(able)}, or set config.data.ragged=False"
        )
    if run.encoders and not cls.several_fields:
        raise UserError(
            f"config.encoders has an encoder of {', '.join(map(repr, run.encoders))}, and "
            f"config.{where}.name={section['name']!r} uses config.encoder alone; remove it"
        )
    fields = {key: value for key, value in section.items() if key != "name"}
    if hasattr(cls, "from_config"):
        return cls.from_config(fields, run, where)
    return parse(cls, fields, where, run=run)
