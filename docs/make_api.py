"""Write docs/api.md from the docstrings of what users call: `make api`."""

import importlib
import pathlib
import re
import sys

import griffe
import griffe2md

HERE = pathlib.Path(__file__).parent
PAGE = HERE / "api.md"
HEAD = """# Reference

Made by `make api` from the docstrings; edit those. [python.md](python.md) shows how to use them.

| part | what is in it |
|---|---|
"""
# (title, what is in it, module, names in it; () for all that it exports).
PARTS = (
    ("Use a run", "A trained run from Python", "ssljax.api", ("load", "Model")),
    ("Losses", "Every loss as a pure function", "ssljax.losses", ()),
    ("Objectives", "The base class of an objective", "ssljax.objectives", ("Objective", "Loss")),
    ("What an objective is given", "The run it is part of", "ssljax.objectives", ("Run",)),
    ("Networks", "Networks bound to their parameters", "ssljax.objectives.net", ("Net",)),
    ("Views", "Augmented views of a batch", "ssljax.objectives.views", ("Views",)),
    ("Fields", "What data are like", "ssljax.spec", ("Field", "Value", "Spec")),
    ("Data sets", "Examples by number", "ssljax.data", ("open_source", "Source")),
    ("Evaluation", "Probes and measures of frozen features", "ssljax.evaluation", ()),
    ("Weights", "Weights of other libraries", "ssljax.hub", ("import_weights", "export_weights")),
    ("Errors", "What a user can mend", "ssljax.errors", ("UserError",)),
)
OPTIONS = {
    "docstring_section_style": "list",
    "heading_level": 3,
    "inherited_members": False,
    "show_root_full_path": True,
    "show_object_full_path": False,
    "show_signature_annotations": True,
    "signature_crossrefs": False,
    "summary": False,
    "filters": ["!^_"],
    "line_length": 90,
}


def reference() -> str:
    """Return the page."""
    package = griffe.load(
        "ssljax",
        search_paths=[HERE.parent],
        docstring_parser="google",
        # No warnings where several arguments share a line.
        docstring_options={"returns_multiple_items": False, "warnings": False},
    )
    table, text = "", ""
    for title, what, module, names in PARTS:
        table += f"| [{title}](#{_anchor(title)}) | {what} |\n"
        text += f"\n## {title}\n\n"
        for name in names or importlib.import_module(module).__all__:
            found = package[f"{module}.{name}".removeprefix("ssljax.")]
            text += griffe2md.render_object_docs(found, OPTIONS, format_md=False) + "\n"
    # Links to the types lead to anchors that this page does not have.
    text = re.sub(r"\[([^\]\[]+)\]\(#[\w.]+\)", r"\1", text)
    doctest = re.compile(r"(?<!```python\n)^>>> (?:.+\n)+", re.MULTILINE)
    text = doctest.sub(r"```python\n\g<0>```\n", text)
    # What the tool takes for a note is text in our docstrings.
    text = re.sub(
        r"<details .*>\n<summary>(.*)</summary>\n\n((?s:.*?))\n\n</details>", _plain, text
    )
    return HEAD + table + re.sub(r"\n{3,}", "\n\n", text).rstrip() + "\n"


def _plain(section: re.Match) -> str:
    title, body = (part.strip() for part in section.groups())
    if not body.startswith("```"):
        body = f"```text\n{body}\n```"
    return f"**{title}:**\n\n{body}"


def _anchor(title: str) -> str:
    return title.lower().replace(" ", "-")


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit(PAGE.read_text(encoding="utf-8") != reference() and "run `make api`")
    PAGE.write_text(reference(), encoding="utf-8")
