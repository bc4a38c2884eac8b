"""`ssljax config`: what it prints is a config, complete and explained."""

import pathlib

import pytest

from ssljax.commands.config_file import SECTIONS, fields_of_class, load
from ssljax.commands.explained import explained
from ssljax.commands.key_help import KEYS, help_of
from ssljax.commands.main import main
from ssljax.models import ENCODERS, encoder_class
from ssljax.objectives import OBJECTIVES, objective_class
from ssljax.ops.augment import Augmentation
from ssljax.training.config import complete
from tests.objectives.cases import config_of

QUICKSTART = str(pathlib.Path(__file__).parents[2] / "experiments/quickstart.py")


def contains(config, part) -> bool:
    """Whether all that stands in `part` stands in `config` too."""
    if not isinstance(part, dict):
        return config == part
    return all(key in config and contains(config[key], value) for key, value in part.items())


@pytest.mark.parametrize("case", ["simclr", "combine", "mae"])
def test_what_is_printed_is_the_config_itself(case, tmp_path):
    config = complete(config_of(case))
    file = tmp_path / "printed.py"
    file.write_text(explained(config, "here"))
    again = load(str(file), [])
    assert contains(again.to_dict(), config.to_dict())
    assert explained(again, "here") == file.read_text()


def test_every_key_has_its_value_and_a_line_of_help(capsys):
    assert main(["config", QUICKSTART, "--config.objective=byol", "--config.steps=700"]) == 0
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert max(map(len, lines)) <= 100
    assert '            "steps": 700,  # optimizer steps of the whole run' in lines
    assert any(line.strip().startswith('"momentum": 0.996,') for line in lines)
    assert "dropped temperature of the file" in captured.err
    for before, line in zip(lines, lines[1:], strict=False):
        if line.lstrip().startswith('"') and not line.lstrip().startswith(('"""', '"crop"')):
            assert "  # " in line or before.lstrip().startswith("# "), line


@pytest.mark.parametrize("cls", SECTIONS, ids=lambda cls: cls.__name__)
def test_every_key_of_a_section_is_explained(cls):
    told = help_of(cls)
    assert {*told} == {*fields_of_class(cls)}
    for key, line in told.items():
        assert 8 <= len(line) <= 85, f"{key}: {line}"


@pytest.mark.parametrize("name", ENCODERS)
def test_every_field_of_an_encoder_is_explained(name):
    assert {*fields_of_class(encoder_class(name))} <= {*help_of(encoder_class(name))}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_field_of_an_objective_is_explained(name):
    cls = objective_class(name)
    assert {*fields_of_class(cls)} <= {*KEYS, *help_of(cls)}


def test_no_line_explains_what_is_no_key():
    used = {field for name in OBJECTIVES for field in fields_of_class(objective_class(name))}
    assert {*KEYS} - used == {"name"}


def test_docstrings_of_any_form_are_read():
    class Base:
        """A base.

        Args (fields):
          width, depth: of the trunk. Not more.
          pool: what is pooled; one
            or two (He et al. 2015).

        More text: that is no entry.
        """

    class Derived(Base):
        """Another.

        Attributes:
          pool: of its own.
        """

    assert help_of(Base)["depth"] == "of the trunk"
    assert help_of(Derived) == {
        "width": "of the trunk", "depth": "of the trunk", "pool": "of its own"
    }  # fmt: skip
    assert help_of(Base)["pool"] == "what is pooled; one or two (He et al. 2015)"
    assert help_of(Augmentation)["flip"] == "probability of mirroring left and right"
