"""What the documents say of the objectives is what there is."""

import pathlib
import re
import subprocess
import sys

import jax
import jax.numpy as jnp
import pytest

from ssljax.models import build_encoder
from ssljax.objectives import OBJECTIVES, Objective, Run, build_objective, objective_class
from tests.objectives.cases.small import PAIR, RESNET
from tests.objectives.conftest import BATCH, SPEC, STEPS, make_batch

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
    by_values = {"supervised": "if it mixes", "cpc": "by its negatives"}.get(name, "as its tasks")
    assert coupled == {True: "yes", False: "no"}.get(cls.batch_coupled, by_values)
    remembers_more = cls.memory != Objective.memory or cls.init_state != Objective.init_state
    assert (state != "nothing") == bool(cls.teacher or remembers_more)


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`([a-z]+(?:_?[a-z0-9]+)+)`", TEXT))))
def test_every_objective_named_in_the_text_is_in_the_table(name):
    assert name in ROWS or name in ("accumulate", "remat", "bn_groups")


PLACEHOLDER = re.compile("FAMILY|MODALITY|NAME|FILE")
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")])


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


def test_the_reference_is_that_of_the_docstrings():
    subprocess.run([sys.executable, "docs/make_api.py", "--check"], cwd=ROOT, check=True)


def test_the_objective_in_contributing_runs(tmp_path, monkeypatch):
    source, *_ = re.findall(
        r"```python\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.DOTALL
    )
    (tmp_path / "spectral.py").write_text(source, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    run = Run(build_encoder(RESNET), SPEC, steps=STEPS, batch_size=BATCH)
    section = {"name": "spectral:SpectralContrastive", "views": PAIR, "weight": 0.5}
    objective = build_objective(section, run)
    key = jax.random.key(0)
    params, state = objective.init(key, key)

    @jax.jit
    def value_and_grad(params):
        def loss(params):
            value, aux = objective.value(params, state, make_batch(0), key=key, step=0)
            return value, aux.metrics

        return jax.value_and_grad(loss, has_aux=True)(params)

    (value, metrics), grads = value_and_grad(params)
    assert value == pytest.approx(0.5 * metrics["others"] - 2 * metrics["same"], rel=1e-5)
    assert all(jnp.abs(one).max() > 0 for one in jax.tree.leaves(grads["projector"]))
