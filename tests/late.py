"""A dataclass whose annotations are strings, one of them of a name for type checkers alone."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from ssljax.schema import Count, Positive

if TYPE_CHECKING:
    from nowhere import Steps, Unknown


@dataclasses.dataclass(frozen=True)
class View:
    """A section in a section."""

    count: Count = 2


@dataclasses.dataclass(frozen=True)
class Late:
    """A section of a user."""

    run: Any
    temperature: Positive = 0.1
    views: View = View()
    steps: Steps = 3
    other: Unknown = None
