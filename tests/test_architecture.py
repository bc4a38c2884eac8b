"""The floors of the building: imports point down only, and each floor keeps to its packages."""

import ast
import pathlib
from collections.abc import Iterator

import pytest

import ssljax

ROOT = pathlib.Path(ssljax.__file__).parent
FLOORS = {
    "errors": -2,
    "files": -1,
    "schema": -1,
    "spec": -1,
    "losses": 0,
    "ops": 0,
    "models": 1,
    "data": 1,
    "modalities": 2,
    "objectives": 3,
    "training": 4,
    "evaluation": 4,
    "planning": 4,
    "hub": 5,
    "api": 6,
    "commands": 7,
}
# losses use ops (normalisation), training uses evaluation, and what is planned is a train step;
# models and data do not know each other. The form of a spectrogram is a part of a field and a
# section of the config.
SAME_FLOOR = {
    ("losses", "ops"),
    ("training", "evaluation"),
    ("planning", "training"),
    ("spec", "schema"),
}
FILES = sorted(ROOT.rglob("*.py"))


def _imports(path: pathlib.Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""


def test_every_folder_is_a_package():
    # setup.py installs packages: a folder that is none would work from a checkout alone.
    for folder in {path.parent for path in FILES}:
        assert (folder / "__init__.py").is_file(), folder


def _part(path: pathlib.Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_down(path):
    here = _part(path)
    if here in ("__init__", "__main__"):
        return
    for module in _imports(path):
        if not module.startswith("ssljax."):
            continue
        there = module.split(".")[1]
        allowed = there == here or FLOORS[there] < FLOORS[here] or (here, there) in SAME_FLOOR
        assert allowed, f"{here} (floor {FLOORS[here]}) imports {module} (floor {FLOORS[there]})"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_each_floor_keeps_to_its_packages(path):
    here = _part(path)
    packages = {module.split(".")[0] for module in _imports(path)}
    assert "tensorflow" not in packages and "torch" not in packages
    if here != "models":
        assert "flax" not in packages, "flax is known to models/ alone"
    if here in ("losses", "ops"):
        assert not packages & {"optax", "orbax", "grain", "ml_collections", "absl"}
    if here in ("losses", "ops", "models", "objectives"):
        assert not packages & {"os", "pathlib", "argparse"}, "nothing below training knows a file"
