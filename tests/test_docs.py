"""What the documents say of the objectives is what there is."""

import pathlib
import re

import pytest

from ssljax.objectives import OBJECTIVES, Objective, objective_class

ROOT = pathlib.Path(__file__).parent.parent
TEXT = (ROOT / "docs/objectives.md").read_text(encoding="utf-8")
TABLE = TEXT.split("## Every objective")[1]
ROWS = {
    name: [cell.strip() for cell in rest.split("|")]
    for name, rest in re.findall(r"^\| `(\w+)` \|(.*)\|$", TABLE, re.MULTILINE)
}


def test_the_table_names_every_objective_and_no_other():
    assert set(ROWS) == set(OBJECTIVES)


@pytest.mark.parametrize("name", [name for name in ROWS if name in OBJECTIVES])
def test_the_table_agrees_with_the_code(name):
    family, _, _, state, coupled, _, _ = ROWS[name]
    cls = objective_class(name)
    folder = cls.__module__.removeprefix("ssljax.objectives.").rpartition(".")[0]
    assert family == (folder or "several")
    assert coupled == {True: "yes", False: "no"}.get(cls.batch_coupled, "as its tasks")
    remembers_more = cls.memory != Objective.memory or cls.init_state != Objective.init_state
    assert (state != "nothing") == bool(cls.teacher or remembers_more)


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`([a-z]+(?:_?[a-z0-9]+)+)`", TEXT))))
def test_every_objective_named_in_the_text_is_in_the_table(name):
    assert name in ROWS or name in ("accumulate", "remat", "bn_groups")


PLACEHOLDER = re.compile("FAMILY|MODALITY|NAME|FILE")
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("benchmarks/*.md")])


def _anchors(page: pathlib.Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    links = re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)", page.read_text(encoding="utf-8"))
    for path, anchor in [link for link in links if not link[0].startswith("http")]:
        target = (page.parent / path).resolve() if path else page
        assert target.is_file(), f"{page.name} links to {path}"
        assert not anchor or anchor in _anchors(target), f"{page.name} links to {path}#{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_path_that_a_page_names_exists(page):
    text = page.read_text(encoding="utf-8")
    for path in re.findall(r"`((?:ssljax|experiments|docs|tests|benchmarks)/[\w./]+)`", text):
        if not PLACEHOLDER.search(path):
            assert (ROOT / path).exists(), f"{page.name} names {path}"


def test_the_index_names_every_page():
    index = (ROOT / "docs/README.md").read_text(encoding="utf-8")
    missing = [page.name for page in ROOT.glob("docs/*.md") if f"({page.name})" not in index]
    assert missing in ([], ["README.md"])
