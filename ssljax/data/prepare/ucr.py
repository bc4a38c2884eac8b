"""Sets of the UCR and UEA archives of time series (timeseriesclassification.com) that aeon ships.

The split is the archive's. Series that are shorter than the longest of their set have NaN after
their end; the values are as in the archive, where most series are standardised one by one.
"""

import pathlib
import re

from ssljax.data.prepare.wheels import Wheel, members, read_member
from ssljax.data.sources.arrays import Arrays
from ssljax.data.sources.ts_format import arrays_of_texts
from ssljax.errors import unknown

WHEEL = Wheel(
    "aeon",
    "1.6.0",
    "d05227086706f80111ac5fee8de4d5d3115bb3bcfd1c786c8629393055816409",
    "of the archive (cite it), in a package under BSD-3-Clause",
)
_FILE = re.compile(r"aeon/datasets/data/(\w+)/\1_(TRAIN|TEST)\.ts")


def read_ucr(wheel: pathlib.Path, name: str) -> Arrays:
    """Return the series of a set, with their classes as label.

    Raises:
      UserError: aeon has no set of that name with both splits.
    """
    files: dict[str, dict[str, str]] = {}
    for member in members(wheel):
        if match := _FILE.fullmatch(member):
            files.setdefault(match[1], {})[match[2].lower()] = member
    both = {one: splits for one, splits in files.items() if len(splits) == 2}
    if name not in both:
        raise unknown("set of time series in aeon", name, both)
    texts = {split: read_member(wheel, member).decode() for split, member in both[name].items()}
    return arrays_of_texts(texts)
