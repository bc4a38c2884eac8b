"""The names of objectives, found in the folders of families without importing any."""

import re
from importlib import resources

# A class, and in it the line that names its paper.
_OBJECTIVE = re.compile(r"^class (\w+)\((?:(?!^class ).)*?^    paper = ", re.MULTILINE | re.DOTALL)


def find_objectives() -> dict[str, str]:
    """Return "family.module:Class" of every objective by its name, in alphabetical order.

    The name is that of the file, the class that in it which sets `paper`. Other files of a family
    hold what its objectives share. `combine` is of no family.
    """
    found = {"combine": "combine:Combine"}
    for family in resources.files(__package__).iterdir():
        for file in family.iterdir() if family.is_dir() else ():
            name, dot, ending = file.name.partition(".")
            if ending == "py" and (match := _OBJECTIVE.search(file.read_text(encoding="utf-8"))):
                found[name] = f"{family.name}.{name}:{match[1]}"
    return dict(sorted(found.items()))
