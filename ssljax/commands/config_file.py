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
    for argument in overrides:
        if not argument.startswith(PREFIX):
            raise UserError(
                f"unknown argument {argument!r}; a config key is set by --config.KEY=VALUE"
            )
    names = [o for o in overrides if o.partition("=")[0].endswith(".name")]
    _apply(config, names)  # first, since they decide which fields there are
    for argument in overrides:
        _add_default(config, argument.removeprefix(PREFIX).partition("=")[0])
    _apply(config, [o for o in overrides if o not in names])
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
    config_flags.DEFINE_config_dict("config", config, flag_values=values)
    try:
        values(["ssljax", *overrides])
    except flags.UnrecognizedFlagError as error:
        raise unknown(
            "config key", f"config.{error.flagname.removeprefix('config.')}", _keys(config)
        ) from None
    except (flags.Error, ValueError, TypeError, KeyError) as error:
        raise UserError(f"cannot apply {' '.join(overrides)}: {error}") from error


def _add_default(config: ConfigDict, key: str) -> None:
    """Set a field of the encoder, an objective or a view that the file left out."""
    *sections, field = key.split(".")
    section = config
    for name in sections:
        if not isinstance(section, ConfigDict) or name not in section:
            return
        section = section[name]
    cls = _class_of(sections, section)
    if cls is None or not isinstance(section, ConfigDict) or field in section:
        return
    for known in dataclasses.fields(cls):
        if known.name == field and isinstance(known.default, int | float | str | bool | tuple):
            section[field] = known.default


def _class_of(sections: Sequence[str], section: ConfigDict) -> type | None:
    if sections == ["encoder"]:
        return encoder_class(section.name)
    if sections[:1] == ["objective"]:
        if sections[-2:-1] == ["views"]:
            return Augmentation
        return objective_class(section.name) if "name" in section else None
    return None


def _keys(config: ConfigDict, prefix: str = "config.") -> list[str]:
    keys = []
    for key, value in config.items():
        keys += _keys(value, f"{prefix}{key}.") if isinstance(value, ConfigDict) else [prefix + key]
    return keys
