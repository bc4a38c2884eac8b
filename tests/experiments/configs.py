"""Every experiment config of the repository, and what the data sets are like that they name."""

import ast
import dataclasses
import pathlib

from ml_collections import ConfigDict

from ssljax.commands.config_file import load
from ssljax.data import assumed_spec
from ssljax.planning.spec import known
from ssljax.spec import Spec

ROOT = pathlib.Path(__file__).parent.parent.parent
# Arguments of a config file, besides none, under which it is a config of its own.
ARGUMENTS = {"experiments/quickstart.py": ("sklearn:digits",)}


def _defines_get_config(path: pathlib.Path) -> bool:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return any(
        isinstance(node, ast.FunctionDef) and node.name == "get_config" for node in tree.body
    )


FILES = sorted(
    str(path.relative_to(ROOT))
    for path in (ROOT / "experiments").rglob("*.py")
    if _defines_get_config(path)
)
CONFIGS = sorted([*FILES, *(f"{path}:{one}" for path in FILES for one in ARGUMENTS.get(path, ()))])


def config_of(spec: str) -> ConfigDict:
    """Return the complete config of "experiments/FILE.py" or "experiments/FILE.py:ARGUMENT"."""
    return load(str(ROOT / spec), [])


def spec_of(config: ConfigDict, num_examples: int = 0) -> Spec:
    """Return what the training data of a config are like, without the data; of fewer of them with
    `num_examples`."""
    spec = assumed_spec(known(config), config.data)
    return dataclasses.replace(spec, num_examples=num_examples or spec.num_examples)
