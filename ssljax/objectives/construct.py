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
        return field.type.from_config(value, name)
    if field.type is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if field.type is tuple and isinstance(value, list):
        return tuple(value)
    if field.type in (int, float, bool, str) and type(value) is not field.type:
        raise UserError(
            f"{name}={value!r} is of type {type(value).__name__}; it must be {field.type.__name__}"
        )
    return value
