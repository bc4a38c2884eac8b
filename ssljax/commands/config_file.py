"""A config from the command line: `--config FILE.py[:ARG]` and any `--config.KEY=VALUE`."""

import ast
import dataclasses
import importlib.util
import inspect
import math
import pathlib
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ml_collections import ConfigDict

from ssljax.commands import import_path
from ssljax.errors import UserError, closest, in_code_of_user, unknown
from ssljax.evaluation.protocols import PROTOCOLS, protocol_class
from ssljax.models import encoder_class
from ssljax.objectives import objective_class
from ssljax.schema import convert, settable
from ssljax.training.config import OPEN_SECTIONS, complete
from ssljax.training.consistency import require_consistent
from ssljax.training.sections import Config

PREFIX = "--config."
SECTIONS = (Config, *(kind for kind in settable(Config).values() if dataclasses.is_dataclass(kind)))
_GIVEN = ("run", "parent", "name")  # fields of encoders and objectives that are no keys
# What is no Python, but no text either.
_WORDS = {"true": True, "false": False, "none": None, "nan": math.nan, "inf": math.inf}


def load(
    path_and_argument: str,
    overrides: Sequence[str],
    *,
    adapt: Callable[[ConfigDict], ConfigDict] = lambda config: config,
) -> ConfigDict:
    """Return the complete config of a file, with the overrides applied.

    Args:
      path_and_argument: a Python file with `get_config()`; "file.py:x" calls `get_config("x")`.
      overrides: see `override`.
      adapt: what a command makes of the complete config of the file, before the overrides.

    Raises:
      UserError: a file without get_config, or whose code fails, an unknown key, a value of another
        type or out of range, or values that do not fit each other.
    """
    config = override(adapt(complete(_get_config(path_and_argument))), overrides)
    require_consistent(config)
    return config


def override(config: ConfigDict, overrides: Sequence[str]) -> ConfigDict:
    """Return a complete config with arguments like "--config.steps=200" applied.

    A value is read as Python, and is text where it cannot be; so is what stands for a key of text.
    Any field of the encoder or the objective can be set, also one that the file does not mention.
    `--config.encoder=vit_s` sets `encoder.name`. With another name of the objective the fields stay
    that the new one has too, with another of the encoder none; a line on standard error says which
    are dropped.
    """
    values = config.to_dict()
    given = [_key_and_text(argument) for argument in overrides]
    names = [(key, text) for key, text in given if _is_open(key.removesuffix(".name"))]
    for key, text in names:  # first, since they decide which fields there are
        _rename(values, key.removesuffix(".name"), text)
    for key, text in given:
        if (key, text) not in names:
            _set(values, key, text)
    return complete(values)


def _get_config(path_and_argument: str) -> ConfigDict:
    path, _, argument = path_and_argument.partition(":")
    module = _module(path)
    get_config = getattr(module, "get_config", None)
    if not callable(get_config):
        raise UserError(f"{path} has no function get_config()")
    arguments = [argument] if argument else []
    _require_takes(get_config, arguments, path)
    config = _run_code(path, lambda: get_config(*arguments))
    if not isinstance(config, ConfigDict):
        raise UserError(
            f"get_config() of {path} returned a {type(config).__name__}; it must be an "
            "ml_collections.ConfigDict"
        )
    return config


def _module(path: str) -> Any:
    """Run a config file and return its module."""
    file = pathlib.Path(path)
    if not file.is_file():
        others = [str(p) for p in file.parent.glob("*.py")] if file.parent.is_dir() else []
        if path and others and not file.exists():
            raise unknown("config file", path, others)
        raise UserError(f"there is no config file {path!r}")
    spec = importlib.util.spec_from_file_location("ssljax_experiment", path)
    if spec is None or spec.loader is None:
        raise UserError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    import_path.allow_beside(file)
    _run_code(path, lambda: spec.loader.exec_module(module))
    return module


def _run_code(path: str, code: Callable[[], Any]) -> Any:
    try:
        return code()
    except UserError:
        raise
    except Exception as error:
        raise in_code_of_user(path, error) from error


def _require_takes(get_config: Callable[..., Any], arguments: Sequence[str], path: str) -> None:
    signature = inspect.signature(get_config)
    try:
        signature.bind(*arguments)
    except TypeError as error:
        right = path if arguments else f"{path}:ARGUMENT"
        raise UserError(
            f"--config {':'.join([path, *arguments])}: its function is get_config{signature}; "
            f"use --config {right}"
        ) from error


def keys_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the type of every key that a config can have, given the names in it.

    Sections are among them, and so is what stands in sections whose keys are free, such as views.
    """
    return _fields_of(Config, config, "")


def class_of(key: str, section: Mapping[str, Any]) -> type | None:
    """Return the class that an open section names; None if the key is none or has no name yet."""
    above, _, own = key.rpartition(".")
    if above == "evaluation.protocols" and own in PROTOCOLS:
        return protocol_class(own)
    if "name" not in section:
        return None
    if key == "encoder" or key.startswith("encoders."):
        return encoder_class(section["name"])
    is_task = key.startswith("objective.") and key.split(".")[-2] == "tasks"
    return objective_class(section["name"]) if key == "objective" or is_task else None


def fields_of_class(cls: type) -> dict[str, Any]:
    """Return the type of each key of a section of a config, an encoder or an objective."""
    return settable(cls, *(() if cls in SECTIONS else _GIVEN), *getattr(cls, "given", ()))


def _fields_of(cls: type, section: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    keys: dict[str, Any] = {}
    for name, kind in fields_of_class(cls).items():
        keys |= _keys_below(prefix + name, kind, section.get(name))
    return keys


def _keys_below(key: str, kind: Any, value: Any) -> dict[str, Any]:
    if isinstance(kind, type) and dataclasses.is_dataclass(kind) and kind in SECTIONS:
        return {key: kind} | _fields_of(kind, value or {}, f"{key}.")
    if not isinstance(value, Mapping):
        return {key: kind}
    if cls := class_of(key, value):
        named = {f"{key}.name": str} if "name" in value else {}
        return {key: kind} | named | _fields_of(cls, value, f"{key}.")
    keys = {key: kind}
    for name, inner in value.items():
        keys |= _keys_below(f"{key}.{name}", type(inner), inner)
    return keys


def _key_and_text(argument: str) -> tuple[str, str]:
    if not argument.startswith(PREFIX):
        raise UserError(f"unknown argument {argument!r}; a config key is set by --config.KEY=VALUE")
    key, equals, text = argument.removeprefix(PREFIX).partition("=")
    if not equals:
        raise UserError(f"{argument} has no value; write {argument}=VALUE")
    return key, text


def _rename(values: dict[str, Any], section: str, name: str) -> None:
    """Set the name of an open section, and drop the fields that do not go with it."""
    above, _, own = section.rpartition(".")
    inside = values[above] if above else values
    old = inside.get(own, {})
    if not name or set(name) & set("({['\"="):
        raise UserError(
            f"{PREFIX}{section}={name}: give a name, such as {PREFIX}{section}="
            f"{old.get('name', 'NAME')}, and its fields by {PREFIX}{section}.KEY=VALUE"
        )
    kinds = fields_of_class(class_of(section, {"name": name}))
    if name == old.get("name"):
        return
    # An encoder's name stands for its fields; of an objective's many suit another one too.
    kept = (
        {} if section != "objective" else {k: v for k, v in old.items() if _suits(v, kinds.get(k))}
    )
    inside[own] = {"name": name, **kept}
    if dropped := [key for key in old if key not in inside[own]]:
        print(
            f"config.{section}.name={name} instead of {old.get('name')}: dropped "
            f"{', '.join(dropped)} of the file",
            file=sys.stderr,
        )


def _is_open(section: str) -> bool:
    return section in OPEN_SECTIONS or bool(re.fullmatch(r"encoders\.[^.]+", section))


def _suits(value: Any, kind: Any) -> bool:
    try:
        return kind is not None and convert(value, kind, "") is not None
    except UserError:
        return False


def _set(values: dict[str, Any], key: str, text: str) -> None:
    known = keys_of(values)
    *sections, field = key.split(".")
    section = values
    for depth, name in enumerate(sections, 1):
        where = ".".join(sections[:depth])
        if where not in known and not _is_free(known, where):
            raise _unknown(known, key)
        section[name] = section = _opened(where, known.get(where), section.get(name), key)
    if key not in known and not _is_free(known, key):
        raise _unknown(known, key)
    if known.get(key) in SECTIONS:
        keys = ", ".join(f"{PREFIX}{key}.{name}" for name in list(section[field])[:3])
        raise UserError(f"{PREFIX}{key}={text}: {key} is a section; set its keys, such as {keys}")
    section[field] = text if known.get(key) is str else _read(text)


def _opened(where: str, kind: Any, value: Any, key: str) -> dict[str, Any]:
    """Return the section of that name as one that can be written to."""
    if isinstance(value, Mapping):
        return dict(value)
    if value is None and not hasattr(kind, "from_config"):
        return {}
    if not hasattr(kind, "from_config"):
        raise UserError(f"{PREFIX}{key}: {where} is no section")
    raise UserError(
        f"{PREFIX}{key}: {where} is not written out in the config; set all of it, in the file"
    )


def _is_free(known: Mapping[str, Any], key: str) -> bool:
    """Whether a key lies in a section that may have any keys, such as views or weights."""
    parent = key.rpartition(".")[0]
    if parent in known:
        return known[parent] not in SECTIONS and f"{parent}.name" not in known
    return bool(parent) and _is_free(known, parent)


def _read(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text


def _unknown(known: Mapping[str, Any], key: str) -> UserError:
    """Return the error for a key: the closest ones anywhere, and those of its section."""
    parent = key.rpartition(".")[0]
    while parent and parent not in known:
        parent = parent.rpartition(".")[0]
    prefix = f"{parent}." if parent else ""
    beside = [name.removeprefix(prefix) for name in known if name.startswith(prefix)]
    last = key.rpartition(".")[2]
    same = sorted(name for name in known if name.rpartition(".")[2] == last)
    close = closest(key, known, same)
    hint = f"; did you mean {close}?" if close else "."
    names = ", ".join(sorted(name for name in beside if "." not in name))
    section = f"config.{parent}" if parent else "config"
    return UserError(f"unknown config key {key!r}{hint} Keys of {section}: {names}")
