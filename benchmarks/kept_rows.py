"""Rows of an older results page whose runs were made elsewhere, kept in the page written anew."""

_RUN = "run"  # the column that says whose row it is


def with_kept_rows(new: str, old: str) -> str:
    """Return the page `new` with the rows of `old` of runs that `new` does not name.

    A page is Markdown with a table under each heading. The cells of a kept row go to the columns of
    the same name; what `old` did not measure is "-". Kept rows stand below the new ones.
    """
    sections, earlier = _sections(new), _sections(old)
    result = [line for heading in sections for line in _joined(sections, earlier, heading)]
    for heading, lines in earlier.items():
        if heading not in sections:
            result += ["", *lines]
    return "\n".join(result).rstrip("\n") + "\n"


def _joined(new: dict[str, list[str]], old: dict[str, list[str]], heading: str) -> list[str]:
    lines, earlier = new[heading], old.get(heading, [])
    if not _table(lines):
        return [*lines, "", *_table(earlier)] if earlier else lines
    columns, named = _cells(_table(lines)[0]), {row.get(_RUN) for row in _rows(lines)}
    kept = [
        "| " + " | ".join(row.get(column, "-") for column in columns) + " |"
        for row in _rows(earlier)
        if _RUN in row and row[_RUN] not in named
    ]
    end = max(i for i, line in enumerate(lines) if line.startswith("|")) + 1
    return lines[:end] + kept + lines[end:]


def _sections(page: str) -> dict[str, list[str]]:
    sections: dict[str, list[str]] = {}
    for line in page.splitlines():
        if line.startswith("#") or not sections:
            sections[line] = []
        sections[next(reversed(sections))].append(line)
    return sections


def _rows(lines: list[str]) -> list[dict[str, str]]:
    """Return the rows of a section's table, by the names of its columns."""
    table = [_cells(line) for line in _table(lines)]
    return [dict(zip(table[0], cells, strict=True)) for cells in table[2:]]


def _table(lines: list[str]) -> list[str]:
    return [line for line in lines if line.startswith("|")]


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]
