"""`text:PATH`: plain text files in UTF-8.

PATH is one file, or a folder: with files of the names of splits, `train.txt`, `test.txt`, ..., or
with folders of such names, or with files of any names, which are all train.

    text:corpus.txt               a document in each line
    text:corpus.txt?per=file      the file is one document
    text:letters                  a folder: each file is a document; folders in it are its classes
    text:letters?per=line         each line of each file is a document

Text files end in .txt, .text or .md, or their names have no ending.

In files of the names of splits, too, each line is a document. If every file of a split lies in a
folder below it, as in `train/sci.space/61234`, that folder is the label.
"""

import pathlib
from collections.abc import Iterator, Sequence

from ssljax.data.sources.base import Options
from ssljax.data.sources.documents import Documents, documents_source, files_of, parsed
from ssljax.data.sources.in_memory import ArraySource
from ssljax.data.sources.paths import existing, kind_of_split
from ssljax.errors import UserError

_SUFFIXES = (".txt", ".text", ".md", "")


def open_text(rest: str, options: Options) -> ArraySource:
    """Open one split of text files.

    Raises:
      UserError: no file, an unknown option, or documents that cannot be read.
    """
    path, chosen = parsed(rest, "text", ("per",))
    root = existing(path, "text file or folder")
    files = files_of(root, _SUFFIXES, "text file")
    by_line = all(root.is_file() or _is_split(file) for own in files.values() for file in own)
    per = chosen.get("per", "line" if by_line else "file")
    if per not in ("line", "file"):
        raise UserError(f"per={per} of a text: source must be line or file")
    tops = {split: _top(root, split, own) for split, own in files.items()}
    classes = per == "file" and all(
        len(file.relative_to(tops[split]).parts) > 1 for split, own in files.items() for file in own
    )
    each = {split: (tops[split], own) for split, own in files.items()}

    def read(found: tuple[pathlib.Path, Sequence[pathlib.Path]]) -> Documents:
        top, own = found
        return _lines(own) if per == "line" else _whole(own, top, classes)

    return documents_source(each, read, options, classes)


def _is_split(file: pathlib.Path) -> bool:
    return kind_of_split(file.name.partition(".")[0].partition("-")[0]) is not None


def _top(root: pathlib.Path, split: str, files: Sequence[pathlib.Path]) -> pathlib.Path:
    """Return the folder below which the folders of a split are its classes."""
    if root.is_file():
        return root.parent
    inside = root / split
    return inside if all(inside in file.parents for file in files) else root


def _whole(files: Sequence[pathlib.Path], top: pathlib.Path, classes: bool) -> Documents:
    found = Documents(labels=[] if classes else None, names=[])
    for file in files:
        name = file.relative_to(top)
        try:
            text = file.read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = file.read_bytes()[: error.start].count(b"\n") + 1
            found.faults.append((f"{file}, line {line}", "no UTF-8"))
            continue
        except OSError as error:
            raise UserError(f"cannot read {file}: {error.strerror}") from error
        found.add(text, str(name) if text.strip() else str(file), name.parts[0])
    return found


def _lines(files: Sequence[pathlib.Path]) -> Documents:
    found = Documents()
    for file in files:
        for where, line in decoded_lines(file, found):
            found.add(line, where)
    return found


def decoded_lines(file: pathlib.Path, found: Documents) -> Iterator[tuple[str, str]]:
    """Yield the lines of a file as (place, text); a line that is no UTF-8 becomes a fault."""
    try:
        data = file.read_bytes().removeprefix(b"\xef\xbb\xbf")
    except OSError as error:
        raise UserError(f"cannot read {file}: {error.strerror}") from error
    for number, line in enumerate(data.removesuffix(b"\n").split(b"\n") if data else [], 1):
        where = f"{file}, line {number}"
        try:
            text = line.removesuffix(b"\r").decode("utf-8")
        except UnicodeDecodeError:
            found.faults.append((where, "no UTF-8"))
            continue
        yield where, text
