"""The configuration of a run: from what is given to all keys, through JSON, and what has changed.

An experiment file starts from `default_config()` and changes what it needs; a ConfigDict with any
subset of the keys will do as well. Sections are open whose keys are the fields of what they name:
`encoder`, each of `encoders`, and `objective`; whoever builds those checks them.
"""

import dataclasses
import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from ssljax.errors import UserError
from ssljax.schema import convert, parse
from ssljax.training.sections import Config

OPEN_SECTIONS = ("encoder", "objective")
# Keys that a continued run may change, since they do not change what is computed.
FREE_TO_CHANGE = (
    "log_every",
    "progress",
    "profile",
    "checkpoint.",
    "evaluation.",
    "mesh.",
    "sharding_rules",
    "data.workers",
    "data.folder",
)
# Keys that may differ from host to host: any other would have them wait for each other.
OWN_TO_A_HOST = ("progress", "data.workers", "data.folder")


def default_config() -> ConfigDict:
    """Return a config with every key at its default; `ssljax.training.sections` explains each."""
    return ConfigDict(_values(Config()), type_safe=False)  # `complete` checks types: unions too


def complete(config: Mapping[str, Any]) -> ConfigDict:
    """Return `config` over the defaults, its values as JSON can hold them.

    A list is the tuple of its items everywhere, and a number of NumPy is the plain number: a config
    that is read back from JSON is the config that was written.

    Raises:
      UserError: a key that does not exist, a value of another type or out of its range, or one that
        JSON cannot hold.
    """
    plain = _plain(config, "")
    for section in OPEN_SECTIONS:
        _require_named(plain.get(section, {}), section)
    for name, section in convert(
        plain.get("encoders", {}), Mapping[str, Any], "config.encoders"
    ).items():
        _require_named(section, f"encoders.{name}")
    return ConfigDict(_values(parse(Config, plain, "config")), type_safe=False)


def _values(section: Any) -> Any:
    """Return the keys of a parsed section as a mapping, likewise the sections in it."""
    if not dataclasses.is_dataclass(section):
        return section
    return {field.name: _values(getattr(section, field.name)) for field in fields(section)}


def _require_named(section: Any, name: str) -> None:
    """Raise a UserError if an open section is none, or its name is no text."""
    if not isinstance(section, Mapping):
        raise UserError(
            f"config.{name}={section!r} is of type {type(section).__name__}; it must be a section, "
            f"such as {{'name': {section if isinstance(section, str) else '...'!r}}}"
        )
    if "name" in section:
        convert(section["name"], str, f"config.{name}.name")


def _plain(value: Any, name: str) -> Any:
    """Return a value as it comes back from JSON, but with tuples for lists."""
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, ConfigDict | Mapping):
        if strange := [key for key in value if not isinstance(key, str) or "." in key]:
            raise UserError(
                f"{_named(name)} has the key {strange[0]!r}; a key is text without a dot"
            )
        return {key: _plain(item, f"{name}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return tuple(_plain(item, f"{name}[{number}]") for number, item in enumerate(value))
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise UserError(
        f"{_named(name)}={value!r} is of type {type(value).__name__}; a config holds numbers, "
        "text, True, False, None, and sequences and sections of these"
    )


def _named(name: str) -> str:
    return f"config.{name.removeprefix('.')}" if name else "config"


def to_json(config: ConfigDict) -> str:
    """Return the config as JSON text, which `from_json` reads without running any code."""
    return json.dumps(config.to_dict(), indent=2, sort_keys=False) + "\n"


def from_json(text: str) -> ConfigDict:
    """Return the config that `to_json` wrote, completed with the defaults.

    Raises:
      UserError: see `complete`; also text that holds no JSON object.
      ValueError: the text is not JSON.
    """
    return complete(_section_of(json.loads(text)))


def _section_of(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UserError(f"a config is a JSON object, not {json.dumps(value)[:40]}")
    return value


def differences(
    saved: ConfigDict, now: ConfigDict, free: tuple[str, ...] = FREE_TO_CHANGE
) -> list[str]:
    """Return a line for each key that differs and is not `free` to: by default, whose change would
    make a continued run another run."""
    before, after = dict(_flat(saved)), dict(_flat(now))
    keys = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    return [
        f"{key}: {before.get(key, 'absent')!r} in the run, {after.get(key, 'absent')!r} now"
        for key in keys
        if not key.startswith(free)
    ]


def _flat(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in config.items():
        if isinstance(value, ConfigDict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value
