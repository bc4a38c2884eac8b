"""What the documents say of the objectives is what there is."""

import pathlib
import re

import pytest

from ssljax.objectives import OBJECTIVES, objective_class

ROOT = pathlib.Path(__file__).parent.parent
TEXT = (ROOT / "docs/objectives.md").read_text(encoding="utf-8")
ROWS = {
    name: [cell.strip() for cell in rest.split("|")]
    for name, rest in re.findall(r"^\| `(\w+)` \|(.*)\|$", TEXT, re.MULTILINE)
}


def test_the_table_names_every_objective_and_no_other():
    assert set(ROWS) == set(OBJECTIVES)


@pytest.mark.parametrize("name", [name for name in ROWS if name in OBJECTIVES])
def test_the_table_agrees_with_the_code(name):
    family, _, _, remembers, coupled, _, _ = ROWS[name]
    cls = objective_class(name)
    assert family == cls.family
    assert coupled == {True: "yes", False: "no"}.get(cls.batch_coupled, "as its tasks")
    assert (remembers == "nothing") == (cls.keeps == ())


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`([a-z]+(?:_?[a-z0-9]+)+)`", TEXT))))
def test_every_objective_named_in_the_text_is_in_the_table(name):
    assert name in ROWS or name in ("accumulate", "remat", "bn_groups")
