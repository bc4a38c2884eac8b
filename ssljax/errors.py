"""Errors that a user can fix, in one line: what is wrong, where, and what would be right."""

import difflib
import importlib
import traceback
from collections.abc import Iterable
from types import ModuleType

MANY = 20  # number of names above which only the closest matches are listed


class UserError(ValueError):
    """An error that the user can fix. The command line prints the message and exits with 2."""


class MissingSplit(UserError):
    """The data set exists, but not the split that was asked for."""


def unknown(kind: str, name: str, known: Iterable[str]) -> UserError:
    """Return the error for a name that is not in `known`; it names the closest matches.

    >>> str(unknown("objective", "simclrr", ["byol", "simclr"]))
    "unknown objective 'simclrr'; did you mean 'simclr'? Known: byol, simclr"
    """
    known = sorted(known)
    close = closest(name, known)
    hint = f"; did you mean {close}?" if close else "."
    if close and len(known) > MANY:
        return UserError(f"unknown {kind} {name!r}{hint}")
    return UserError(f"unknown {kind} {name!r}{hint} Known: {', '.join(known)}")


def closest(name: str, known: Iterable[str], first: Iterable[str] = ()) -> str:
    """Return at most three of the names that are most similar to `name`; "" if none is.

    Args:
      name: the name that was given.
      known: the names that exist.
      first: names that are surely meant rather than others.

    >>> closest("resnet19", ["resnet18", "resnet50", "vit_s"])
    "'resnet18' or 'resnet50'"
    """
    found = difflib.get_close_matches(str(name), sorted(known), n=3)
    names = [repr(match) for match in dict.fromkeys([*first, *found])][:3]
    return " or ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def in_code_of_user(file: str, error: Exception) -> UserError:
    """Return the error for user code that fails: the line in the user's file, and the exception.

    Args:
      file: the name of the user's file in the message.
      error: the exception that it raised.
    """
    what = f"{type(error).__name__}: {error}".partition("\n")[0]
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename.endswith(file)]
    if isinstance(error, SyntaxError):
        what = f"{type(error).__name__}: {error.msg}"
        where = f"{error.filename}, line {error.lineno}: {(error.text or '').strip()}"
    elif not own:
        where = file
    elif own[-1] is frames[-1]:
        where = f"{file}, line {own[-1].lineno}: {own[-1].line}"
    else:
        raised = f"{frames[-1].filename}, line {frames[-1].lineno}"
        where = f"{raised}, from {file}, line {own[-1].lineno}: {own[-1].line}"
    return UserError(f"{what}, in {where}")


def how_to_install(extra: str) -> str:
    """Return the command that installs an extra of ssljax, for the end of a message."""
    return f"pip install -e '.[{extra}]' (in the folder of ssljax's setup.py)"


def printable(name: str) -> str:
    r"""Return a file name that can be printed and stored as UTF-8, whatever its bytes are.

    >>> import os
    >>> printable(os.fsdecode(b"caf\xe9.png"))
    'caf\\xe9.png'
    """
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


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
            f"install it with: {how_to_install(extra)}"
        ) from error
