"""Mistakes a user can mend, told in one line: what is wrong, where, and what would be right."""

import difflib
import importlib
from collections.abc import Iterable
from types import ModuleType

MANY = 20  # names, above which a list of them helps less than the closest match alone


class UserError(ValueError):
    """Something the user can mend. The command line prints the message and exits with 2."""


class MissingSplit(UserError):
    """The data set is there, but not the split that was asked for."""


def unknown(kind: str, name: str, known: Iterable[str]) -> UserError:
    """Return the error for a name that is not among `known`, naming the closest match.

    >>> str(unknown("objective", "simclrr", ["byol", "simclr"]))
    "unknown objective 'simclrr'; did you mean 'simclr'? Known: byol, simclr"
    """
    known = sorted(known)
    close = difflib.get_close_matches(str(name), known, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else "."
    if close and len(known) > MANY:
        return UserError(f"unknown {kind} {name!r}{hint}")
    return UserError(f"unknown {kind} {name!r}{hint} Known: {', '.join(known)}")


def optional_package(module: str, extra: str) -> ModuleType:
    """Import a package that only some features need.

    Args:
      module: the import name, for example "tensorflow_datasets".
      extra: the extra of ssljax that installs it, for example "tfds".

    Raises:
      UserError: the package is not installed; the message gives the command that installs it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise UserError(
            f"this needs the package {module!r}, which cannot be imported ({error}); "
            f"install it with: pip install 'ssljax[{extra}]'"
        ) from error
