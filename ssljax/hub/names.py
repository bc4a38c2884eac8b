"""From the names in a file to those of a family's table."""

import re
from collections.abc import Iterable

from ssljax.errors import UserError
from ssljax.hub.families import Family
from ssljax.hub.files import Tensors


def renamed(family: Family, tensors: Tensors) -> dict[str, str]:
    """Return the names in a file by those of the table.

    Raises:
      UserError: it is no checkpoint of the family.
    """
    found = [prefix for prefix in family.prefixes if prefix + family.anchor in tensors]
    if not found:
        raise UserError(
            f"{tensors.place} is no {family.title}: it lacks the tensor {family.anchor}"
            f"{_with_prefixes(family.prefixes)}; it has {', '.join(sorted(tensors)[:3])}, ..."
        )
    names: dict[str, str] = {}
    for name in tensors:
        own = name.removeprefix(found[0])
        for pattern, replacement in family.spellings:
            own = re.sub(pattern, replacement, own)
        names[own] = name
    return names


def _with_prefixes(prefixes: Iterable[str]) -> str:
    some = [prefix for prefix in prefixes if prefix]
    return f", also behind {' or '.join(some)}" if some else ""


def written(family: Family, name: str) -> str:
    """Return how a file names a tensor of the table."""
    return name if name.startswith(family.own) else family.prefixes[0] + name
