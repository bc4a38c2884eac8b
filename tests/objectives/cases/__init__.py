"""A small config of every objective: what a new one must add to be covered by the tests of all.

Each module of this folder but `small` has those of a family in `CASES`: (encoder, objective) by
name; and those of them that have encoders of further fields in `FURTHER`.
"""

import importlib
import pkgutil

from ml_collections import ConfigDict

from ssljax.spec import Field
from tests.objectives.files import captioned_digits, tinted_digits

CASES: dict[str, tuple[dict, dict]] = {}
IN_COLOR = {"colorization"}  # cases whose images are tinted; those of all others are grey
LABELLED: dict[str, Field] = {}  # cases that need labels, and what these are
FRAMES = {"shuffle_and_learn": 5}  # cases whose clips have another length than those of the others
# Cases whose images have texts, or clips actions: encoders by field.
FURTHER: dict[str, dict[str, dict]] = {}
for _module in pkgutil.iter_modules(__path__):
    if _module.name != "small":
        _family = importlib.import_module(f"{__name__}.{_module.name}")
        CASES |= _family.CASES
        FURTHER |= getattr(_family, "FURTHER", {})
        LABELLED |= getattr(_family, "LABELLED", {})


def config_of(case: str) -> ConfigDict:
    """Return the config of a short run on scikit-learn's digits."""
    source = tinted_digits() if case in IN_COLOR else "sklearn:digits"
    source = captioned_digits() if case in FURTHER else source
    encoder, objective = CASES[case]
    return ConfigDict(
        {
            "steps": 12,
            "batch_size": 32,
            "encoder": encoder,
            "encoders": FURTHER.get(case, {}),
            "objective": objective,
            "optimizer": {"learning_rate": 0.003, "weight_decay": 0.01},
            "data": {
                "source": source,
                "length": 16 if case in FURTHER else 0,
                "labels": case in LABELLED,
            },
            "log_every": 5,
            "progress": False,
            "checkpoint": {"every": 4},
            "evaluation": {"final": False},
        }
    )
