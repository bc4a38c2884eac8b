"""Protocols by name. Each is one file on the interface of `base.py`, and found here."""

import importlib
import re
from collections.abc import Mapping
from importlib import resources
from typing import Any

from ssljax.errors import unknown
from ssljax.evaluation.protocols.base import PERCENT, Protocol, number, rate
from ssljax.schema import parse

__all__ = [
    "PERCENT",
    "PROTOCOLS",
    "Protocol",
    "build_protocol",
    "number",
    "protocol_class",
    "rate",
]

# A class, and in it the line that names its main number.
_PROTOCOL = re.compile(r"^class (\w+)\((?:(?!^class ).)*?^    main = ", re.MULTILINE | re.DOTALL)


def find_protocols() -> dict[str, str]:
    """Return "module:Class" of every protocol by its name, that of its file; nothing is imported.

    Other files of the folder hold what protocols share.
    """
    found = {}
    for file in resources.files(__package__).iterdir():
        name, dot, ending = file.name.partition(".")
        if ending == "py" and (match := _PROTOCOL.search(file.read_text(encoding="utf-8"))):
            found[name] = f"{name}:{match[1]}"
    return dict(sorted(found.items()))


PROTOCOLS = find_protocols()


def protocol_class(name: str) -> type[Protocol]:
    """Return the class of a protocol.

    Raises:
      UserError: no such name; the message gives the closest.
    """
    if name not in PROTOCOLS:
        raise unknown("protocol", name, PROTOCOLS)
    module, _, cls = PROTOCOLS[name].partition(":")
    return getattr(importlib.import_module(f"{__package__}.{module}"), cls)


def build_protocol(name: str, settings: Mapping[str, Any]) -> Protocol:
    """Return a protocol with its settings checked.

    Raises:
      UserError: no such protocol, no such setting, or a value of another type or out of range.
    """
    return parse(protocol_class(name), settings, f"config.evaluation.protocols.{name}")
