"""A config written out as a config file: every key with its value and a line of help."""

import dataclasses
import json
import pprint
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args, get_origin

from ml_collections import ConfigDict

from ssljax.commands.config_file import SECTIONS, class_of, fields_of_class
from ssljax.commands.key_help import KEYS, help_of
from ssljax.models.registry import PRESETS
from ssljax.ops.augment import Augmentation
from ssljax.training.sections import Config

WIDTH = 100
_HEAD = '''"""The complete config of {file}."""

from ml_collections import ConfigDict


def get_config():
    """Return the config."""
    return ConfigDict(
        {{
'''


def explained(config: ConfigDict, file: str) -> str:
    """Return the text of a config file with all keys of a complete config.

    Args:
      config: complete. Fields of its encoder and its objective that it leaves out are written with
        their defaults; views stay a preset's name.
      file: that it was read from.
    """
    lines = _section(Config, config.to_dict(), "", " " * 12)
    return "\n".join([_HEAD.format(file=file).rstrip(), *lines, "        }", "    )", ""])


def _section(
    cls: type | None, section: Mapping[str, Any], where: str, margin: str
) -> Iterator[str]:
    """Yield the lines of a section whose keys are fields of `cls`, or any where that is None."""
    kinds = fields_of_class(cls) if cls else {}
    told = help_of(cls) if cls else {}
    told = told if cls in SECTIONS else {**KEYS, **told}
    values = {**_defaults(cls), **section} if cls else section
    for key in dict.fromkeys([*(["name"] if "name" in values else []), *kinds, *values]):
        if key not in values:
            continue
        path, value = f"{where}.{key}".lstrip("."), values[key]
        line = _with_choices(told.get(key, ""), kinds.get(key))
        if isinstance(value, Mapping) and value:
            yield from _beside(f'{margin}"{key}": {{', line)
            below = _class_below(path, kinds.get(key), value)
            yield from _section(below, _with_preset(path, value), path, margin + "    ")
            yield f"{margin}}},"
        else:
            yield from _entry(f'{margin}"{key}": ', value, line)


def _entry(start: str, value: Any, line: str) -> Iterator[str]:
    """Yield the lines of a value."""
    margin = " " * (len(start) - len(start.lstrip()))
    text = json.dumps(value) if isinstance(value, str) else repr(value)
    if len(start) + len(text) < WIDTH:
        yield from _beside(f"{start}{text},", line)
        return
    yield from _beside(f"{start}(", line)
    text = pprint.pformat(value, width=WIDTH - len(margin) - 4, sort_dicts=False)
    yield textwrap.indent(text, margin + "    ")
    yield f"{margin}),"


def _beside(code: str, line: str) -> Iterator[str]:
    """Yield code with a comment behind it, or before it where there is no room."""
    margin = " " * (len(code) - len(code.lstrip()))
    if not line:
        yield code
    elif len(code) + len(line) + 4 <= WIDTH:
        yield f"{code}  # {line}"
    else:
        yield f"{margin}# {textwrap.shorten(line, WIDTH - len(margin) - 2, placeholder=' ...')}"
        yield code


def _with_choices(line: str, kind: Any) -> str:
    """Return a line of help with the names that are allowed, where they are few."""
    if get_origin(kind) is not Literal:
        return line
    names = [str(name) or '""' for name in get_args(kind)]
    return line if all(name in line for name in names) else f"{line}: {', '.join(names)}"


def _defaults(cls: type) -> dict[str, Any]:
    """Return the fields of an encoder or an objective that have a plain default."""
    if cls in SECTIONS:
        return {}
    found = {}
    for field in dataclasses.fields(cls):
        default = getattr(field.default, "groups", field.default)  # of views
        if field.name in fields_of_class(cls) and isinstance(default, _PLAIN):
            found[field.name] = default
    return found


_PLAIN = (bool, int, float, str, tuple, Mapping)


def _with_preset(path: str, section: Mapping[str, Any]) -> Mapping[str, Any]:
    if path != "encoder" or section.get("name") not in PRESETS:
        return section
    return {**PRESETS[section["name"]].fields, **section}


def _class_below(path: str, kind: Any, section: Mapping[str, Any]) -> type | None:
    """Return the class whose fields are the keys of a section."""
    if kind in SECTIONS:
        return kind
    return Augmentation if path.split(".")[-2:-1] == ["views"] else class_of(path, section)
