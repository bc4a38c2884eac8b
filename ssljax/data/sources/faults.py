"""What becomes of files and documents that cannot be read: named, refused or left out."""

import warnings
from collections.abc import Sequence

from ssljax.data.sources.base import Options
from ssljax.errors import UserError, printable

Faults = list[tuple[str, str]]  # names of files and what is wrong with them
_SHOWN = 3  # faults that a message lists


def listed(faults: Sequence[tuple[str, str]], form: str = "{}: {}") -> str:
    """Return the first faults, (place, reason) each, and how many more there are."""
    first = "; ".join(form.format(printable(place), why) for place, why in faults[:_SHOWN])
    more = f"; and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
    return f"{first}{more}"


def refuse(said: str, options: Options) -> None:
    """Raise a UserError under broken="refuse".

    Args:
      said: what is wrong, a sentence without its end.
      options: how the set is opened.
    """
    if options.broken == "refuse":
        raise UserError(
            f"{said}. Mend or remove them, or leave them out with config.data.broken='skip'"
        )


def reported(faults: Faults, count: int, what: str, options: Options) -> str | None:
    """Return a line about the files or records that are left out; None if none is.

    Args:
      faults: what cannot be read.
      count: of all.
      what: they are, in the plural.
      options: how the set is opened.

    Raises:
      UserError: under broken="refuse", or none can be read.
    """
    if not faults:
        return None
    said = f"{len(faults)} of {count} {what} of {options.name}: {listed(faults)}"
    refuse(f"cannot read {said}", options)
    if len(faults) == count:
        raise UserError(f"none of the {what} can be read: {said}")
    return left_out(said)


def left_out(said: str) -> str:
    """Warn of what is left out; return the line for the source's report."""
    report = f"left out {said}"
    warnings.warn(report, stacklevel=3)
    return report
