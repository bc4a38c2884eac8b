"""A config from the command line: `--config FILE.py[:ARG]` and any `--config.KEY=VALUE`."""

import dataclasses
import importlib.util
import inspect
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

from absl import flags
from ml_collections import ConfigDict, config_flags

from ssljax.commands import import_path
from ssljax.errors import UserError, closest, in_code_of_user, unknown
from ssljax.models import encoder_class
from ssljax.objectives import objective_class
from ssljax.ops.augment import Augmentation
from ssljax.training.config import OPEN_SECTIONS, complete

PREFIX = "--config."


def load(path_and_argument: str, overrides: Sequence[str]) -> ConfigDict:
    """Return the complete config of a file, with the overrides applied.

    Args:
      path_and_argument: a Python file with `get_config()`; "file.py:x" calls `get_config("x")`.
      overrides: "--config.steps=200" and the like, in the ml_collections convention; also of a
        field of the encoder or the objective that the file does not mention.

    Raises:
      UserError: a file without get_config, or whose code fails, an unknown key, or a value of
        another type.
    """
    return override(complete(_get_config(path_and_argument)), overrides)


def override(config: ConfigDict, overrides: Sequence[str]) -> ConfigDict:
    """Return a complete config with "--config.KEY=VALUE" arguments applied."""
    keys = []
    for argument in overrides:
        if not argument.startswith(PREFIX):
            raise UserError(
                f"unknown argument {argument!r}; a config key is set by --config.KEY=VALUE"
            )
        keys.append(argument.removeprefix(PREFIX).partition("=")[0])
    names = [o for key, o in zip(keys, overrides, strict=True) if key.endswith("name")]
    _require_known(config, [key for key in keys if key.endswith("name")])
    _apply(config, names)  # first, since they decide which fields there are
    for key in keys:
        _add_default(config, key)
    _require_known(config, keys)
    _apply(config, [argument for argument in overrides if argument not in names])
    return complete(config)


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


def _apply(config: ConfigDict, overrides: Sequence[str]) -> None:
    values = flags.FlagValues()
    config_flags.DEFINE_config_dict("config", config, flag_values=values, sys_argv=list(overrides))
    for override in overrides:
        try:
            values(["ssljax", override])
        except (flags.Error, ValueError, TypeError) as error:
            raise _not_applicable(config, override, error) from error


def _not_applicable(config: ConfigDict, override: str, error: Exception) -> UserError:
    key, equals, _ = override.removeprefix(PREFIX).partition("=")
    section = _section(config, key.split("."))
    if section is not None:
        keys = ", ".join(f"{PREFIX}{key}.{known}" for known in list(section)[:3])
        return UserError(f"{override}: {key} is a section; set its keys, such as {keys}")
    if not equals:
        return UserError(f"{override} has no value; write {override}=VALUE")
    reason = str(error).removeprefix(f"flag {override}: ")
    return UserError(f"cannot apply {override}: {reason}")


def _require_known(config: ConfigDict, keys: Sequence[str]) -> None:
    for key in keys:
        *sections, field = key.split(".")
        while (section := _section(config, sections)) is None:
            field = sections.pop()  # the first that does not exist
        if field not in section:
            raise _unknown(config, key, sections, field)
        if isinstance(section[field], ConfigDict) or not key.startswith(
            ".".join([*sections, field, ""])
        ):
            continue
        raise UserError(f"{PREFIX}{key}: {'.'.join([*sections, field])} is no section")


def _unknown(config: ConfigDict, key: str, sections: Sequence[str], field: str) -> UserError:
    """Return the error for a key: the closest ones anywhere, and those of its section."""
    section = _section(config, sections)
    fields = _fields(sections, section)
    where = ".".join(["config", *sections])
    if field in fields:  # one that has no plain value that could be changed
        return UserError(f"{where}.{field} cannot be set here; set it in the config file")
    known = list(dict.fromkeys([*section, *fields]))
    everywhere = {
        *_keys(config),
        *(".".join([*sections, name]) for name in known),
        *(f"{top}.{name}" for top in OPEN_SECTIONS for name in _fields([top], config[top])),
    }
    last = key.rpartition(".")[2]
    same = sorted(name for name in everywhere if name.rpartition(".")[2] == last)
    close = closest(key, everywhere, same)
    hint = f"; did you mean {close}?" if close else "."
    return UserError(f"unknown config key {key!r}{hint} Keys of {where}: {', '.join(known)}")


def _fields(sections: Sequence[str], section: ConfigDict) -> list[str]:
    """Return the fields of what an open section names."""
    cls = _class_of(sections, section)
    return [field.name for field in dataclasses.fields(cls) if field.name != "run"] if cls else []


def _section(config: ConfigDict, names: Sequence[str]) -> ConfigDict | None:
    for name in names:
        if not isinstance(config, ConfigDict) or name not in config:
            return None
        config = config[name]
    return config if isinstance(config, ConfigDict) else None


def _add_default(config: ConfigDict, key: str) -> None:
    """Set a field of the encoder, an objective or a view that the file left out."""
    *sections, field = key.split(".")
    section = _section(config, sections)
    cls = None if section is None else _class_of(sections, section)
    if cls is None or field in section:
        return
    for known in dataclasses.fields(cls):
        if known.name == field and isinstance(known.default, int | float | str | bool | tuple):
            with section.unlocked():
                section[field] = known.default


def _class_of(sections: Sequence[str], section: ConfigDict) -> type | None:
    if sections == ["encoder"]:
        return encoder_class(section.name) if "name" in section else None
    if sections[:1] == ["objective"]:
        if sections[-2:-1] == ["views"]:
            return Augmentation
        return objective_class(section.name) if "name" in section else None
    return None


def _keys(config: ConfigDict, prefix: str = "") -> list[str]:
    keys = []
    for key, value in config.items():
        keys += _keys(value, f"{prefix}{key}.") if isinstance(value, ConfigDict) else [prefix + key]
    return keys
