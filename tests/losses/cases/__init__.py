"""One table of the losses, from which the tests that every loss has to pass are made.

Each module of this folder but `case` has a part of it, `CASES`, and so covers a file of losses.
"""

import importlib
import pkgutil

from tests.losses.cases.case import BATCH, Case

__all__ = ["BATCH", "CASES", "Case"]

CASES: dict[str, Case] = {}
for _module in pkgutil.iter_modules(__path__):
    if _module.name != "case":
        CASES |= importlib.import_module(f"{__name__}.{_module.name}").CASES
