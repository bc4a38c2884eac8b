"""What a workdir keeps of the source of its weights, imported.json, for an export to the same
library: names, dtypes, config. A run goes without it, too."""

import dataclasses
import json
import pathlib
from collections.abc import Mapping
from typing import Any

from ssljax.errors import UserError
from ssljax.files import write_atomically
from ssljax.hub.files import read_json

FILE = "imported.json"


@dataclasses.dataclass(frozen=True)
class Record:
    """How the source names and stores what was taken over.

    Attributes:
      library: "hf" or "timm".
      family: name of its family.
      config: its config.json.
      names: of its tensors, by the names of the family's table.
      dtypes: of those that are not float32, likewise.
      kept: whole numbers beside the weights, by name in the source.
    """

    library: str
    family: str
    config: Mapping[str, Any]
    names: Mapping[str, str]
    dtypes: Mapping[str, str]
    kept: Mapping[str, int]


def write_record(workdir: pathlib.Path, record: Record) -> None:
    """Write the record of a workdir."""
    write_atomically(workdir / FILE, json.dumps(dataclasses.asdict(record), indent=2) + "\n")


def read_record(workdir: pathlib.Path) -> Record | None:
    """Return the record of a workdir, None if its weights are not imported.

    Raises:
      UserError: it is damaged.
    """
    path = workdir / FILE
    if not path.exists():
        return None
    try:
        return Record(**read_json(path))
    except TypeError as error:
        raise UserError(f"{path} is damaged ({error}); move it away to export without") from error
