"""`fasta:PATH`: sequences, such as proteins, in FASTA files, plain or gzipped.

PATH is one file, which is all train; or a folder with files or folders of the names of splits:
train.fasta, test.fasta.gz. A line of ">" begins a record; its first word is the name of the
example. There are no labels.
"""

import gzip
import pathlib
import zlib
from collections.abc import Sequence

from ssljax.data.sources.base import Options
from ssljax.data.sources.documents import Documents, documents_source, files_of, parsed
from ssljax.data.sources.in_memory import ArraySource
from ssljax.data.sources.paths import existing
from ssljax.errors import UserError

_ENDINGS = tuple(
    f".{kind}{packed}" for kind in ("fasta", "fa", "faa", "fas") for packed in ("", ".gz")
)


def open_fasta(rest: str, options: Options) -> ArraySource:
    """Open one split of FASTA files.

    Raises:
      UserError: no file, or one that is no FASTA.
    """
    path, _ = parsed(rest, "fasta", ())
    files = files_of(existing(path, "FASTA file or folder"), _ENDINGS, "FASTA file")
    return documents_source(files, _read, options, False)


def _read(files: Sequence[pathlib.Path]) -> Documents:
    found = Documents(names=[])
    for file in files:
        for where, header, sequence in fasta_records(file):
            before = len(found.texts)
            found.add(sequence, where)
            if len(found.texts) > before:
                found.names[-1] = (header.split() or [where])[0]
    return found


def fasta_records(file: pathlib.Path) -> list[tuple[str, str, str]]:
    """Return (place, header, sequence) of the records of a FASTA file.

    Raises:
      UserError: the file cannot be read, or does not begin with a record.
    """
    try:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as stream:
            lines = stream.read().decode("utf-8").splitlines()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise UserError(f"cannot read {file} as FASTA: {error}") from error
    found: list[tuple[str, str, list[str]]] = []
    for number, line in enumerate(lines, 1):
        if line.startswith(">"):
            found.append((f"{file}, line {number}", line[1:], []))
        elif line.strip():
            if not found:
                raise UserError(f"{file}, line {number}: a FASTA file begins with a line of '>'")
            found[-1][2].append(line.strip())
    return [(where, header, "".join(parts)) for where, header, parts in found]
