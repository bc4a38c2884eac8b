"""Code that the config of a run names: it is imported only if the user names it as well."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ssljax.errors import UserError


def require_trust(objective: Mapping[str, Any], trusted: Sequence[str], advice: str) -> None:
    """Refuse to import what a config found in a folder names, unless the user names it too.

    Args:
      objective: the section of the config.
      trusted: "package.module:Class" of each objective that may be imported.
      advice: how to trust one, for the message; "{}" stands for its name.

    Raises:
      UserError: an objective outside ssljax is not trusted.
    """
    for name in _outside(objective):
        if name not in trusted:
            raise UserError(
                f"the config of this run names the objective {name!r} outside ssljax; "
                f"to import and run it, {advice.format(name)}"
            )


def _outside(section: Any) -> Iterator[str]:
    if isinstance(section, list | tuple):
        for value in section:
            yield from _outside(value)
    elif hasattr(section, "items"):
        for key, value in section.items():
            if key == "name" and ":" in str(value):
                yield value
            yield from _outside(value)
