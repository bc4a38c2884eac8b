"""A config from the command line: `--config FILE.py[:ARG]` and any `--config.KEY=VALUE`."""

import dataclasses
import importlib.util
import pathlib
from collections.abc import Sequence

from absl import flags
from ml_collections import ConfigDict, config_flags

from ssljax.errors import UserError, unknown
from ssljax.models import encoder_class
from ssljax.objectives import objective_class
from ssljax.ops.augment import Augmentation
from ssljax.training.config import complete

PREFIX = "--config."


def load(path_and_argument: str, overrides: Sequence[str]) -> ConfigDict:
    """Return the complete config of a file, with the overrides applied.

    Args:
      path_and_argument: a Python file with `get_config()`; "file.py:x" calls `get_config("x")`.
      overrides: "--config.steps=200" and the like, in the ml_collections convention; also of a
        field of the encoder or the objective that the file does not mention.

    Raises:
      UserError: a file without get_config, an unknown key, or a value of another type.
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
    if not pathlib.Path(path).is_file():
        folder = pathlib.Path(path).parent
        others = [str(p) for p in folder.glob("*.py")] if folder.is_dir() else []
        if others:
            raise unknown("config file", path, others)
        raise UserError(f"there is no config file {path}")
    spec = importlib.util.spec_from_file_location("ssljax_experiment", path)
    if spec is None or spec.loader is None:
        raise UserError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if not hasattr(module, "get_config"):
        raise UserError(f"{path} has no function get_config()")
    config = module.get_config(argument) if argument else module.get_config()
    if not isinstance(config, ConfigDict):
        raise UserError(
            f"get_config() of {path} returned a {type(config).__name__}; it must be an "
            "ml_collections.ConfigDict"
        )
    return config


def _apply(config: ConfigDict, overrides: Sequence[str]) -> None:
    values = flags.FlagValues()
    config_flags.DEFINE_config_dict("config", config, flag_values=values, sys_argv=list(overrides))
    try:
        values(["ssljax", *overrides])
    except (flags.Error, ValueError, TypeError) as error:
        raise UserError(f"cannot apply {' '.join(overrides)}: {error}") from error


def _require_known(config: ConfigDict, keys: Sequence[str]) -> None:
    for key in keys:
        *sections, field = key.split(".")
        section = _section(config, sections)
        if section is None or field not in section:
            cls = None if section is None else _class_of(sections, section)
            fields = dataclasses.fields(cls) if cls else ()
            possible = {".".join([*sections, known.name]) for known in fields}
            raise unknown("config key", key, possible | set(_keys(config)))


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
        return encoder_class(section.name)
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
