"""From a section of a config to a frozen dataclass: the fields are the keys."""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from ssljax.errors import UserError, unknown


def construct(cls: type, section: Mapping[str, Any], where: str, **given: Any) -> Any:
    """Return `cls(**given, **section)`, each key checked against the fields of the dataclass `cls`.

    A field whose type has a class method `from_config(section, where)` is made by it.

    Args:
      cls: a dataclass whose annotations are types.
      section: plain values by field name.
      where: the name of the section, for error messages.
      **given: fields that do not come from the config.

    Raises:
      UserError: a key that is no field, a value of another type than the field's default, or one
        that `cls` refuses.
    """
    fields = {field.name: field for field in dataclasses.fields(cls) if field.name not in given}
    values = {}
    for key, value in section.items():
        if key not in fields:
            raise unknown("config key", f"{where}.{key}", [f"{where}.{name}" for name in fields])
        values[key] = _value(fields[key], value, f"{where}.{key}")
    missing = [
        name
        for name, field in fields.items()
        if name not in values and field.default is field.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise UserError(f"{where} lacks {', '.join(f'{where}.{name}' for name in missing)}")
    try:
        return cls(**given, **values)
    except UserError as error:
        # An objective calls its fields "objective.NAME"; as a task of another it lies elsewhere.
        raise UserError(re.sub(r"\bobjective\.(?!tasks\.)", f"{where}.", str(error))) from error
    except (ValueError, TypeError) as error:
        raise UserError(f"{where}: {error}") from error


def _value(field: dataclasses.Field, value: Any, name: str) -> Any:
    if hasattr(field.type, "from_config"):
        if not hasattr(value, "items"):
            raise _other_type(name, value, "a section")
        return field.type.from_config(value, name)
    if field.type is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if field.type is tuple:
        return _items(field, value, name)
    if field.type in (int, float, bool, str) and type(value) is not field.type:
        raise _other_type(name, value, field.type.__name__)
    return value


def _items(field: dataclasses.Field, value: Any, name: str) -> tuple:
    """Return a tuple, also of a list, whose items are of the type of those of the default."""
    if not isinstance(value, list | tuple):
        raise _other_type(name, value, "tuple")
    kinds = {type(item) for item in field.default} if isinstance(field.default, tuple) else set()
    for number, item in enumerate(value):
        if kinds and type(item) not in kinds | ({int} if float in kinds else set()):
            wanted = " or ".join(sorted(kind.__name__ for kind in kinds))
            raise _other_type(f"{name}[{number}]", item, wanted)
    return tuple(value)


def _other_type(name: str, value: Any, wanted: str) -> UserError:
    kind = type(value).__name__
    if hasattr(value, "to_dict"):  # a section prints itself in several lines
        value, kind = value.to_dict(), "section"
    return UserError(f"{name}={value!r} is of type {kind}; it must be {wanted}")
