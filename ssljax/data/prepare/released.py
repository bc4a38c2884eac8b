"""What a data set comes in that a registry has by name and version: the one file that is read."""

import dataclasses
import hashlib
import pathlib
from collections.abc import Sequence


@dataclasses.dataclass(frozen=True)
class Released:
    """A package on a registry that holds data.

    Attributes:
      package: name on the registry.
      version: the only one that is read.
      sha256: of the package's file.
      licence: of the data in it.
    """

    package: str
    version: str
    sha256: str
    licence: str


def digest_of(files: Sequence[pathlib.Path]) -> str:
    """Return the SHA-256 of the one file that was downloaded, "no file" if it is not one."""
    return hashlib.sha256(files[0].read_bytes()).hexdigest() if len(files) == 1 else "no file"
