"""Paths and splits as the user gave them."""

import difflib
import hashlib
import pathlib
from collections.abc import Iterable

from ssljax.data.sources.base import Options
from ssljax.errors import MissingSplit, UserError


def existing(path: str, what: str) -> pathlib.Path:
    """Return the path, or raise a UserError that names a close match among its siblings."""
    if not path:
        raise UserError(f"a path is missing: which {what}?")
    found = pathlib.Path(path).expanduser()
    if found.exists():
        return found
    parent = next(p for p in [*found.absolute().parents] if p.exists())
    wanted = found.absolute().relative_to(parent).parts[0]
    siblings = [p.name for p in parent.iterdir()] if parent.is_dir() else []
    close = difflib.get_close_matches(wanted, siblings, n=1)
    hint = (
        f"; did you mean {parent / close[0]}?"
        if close
        else f"; {parent} is the last folder that does"
    )
    raise UserError(f"{what} {path!r} does not exist{hint}")


_KINDS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "eval", "dev"),
    "test": ("test", "testing"),
}


def kind_of_split(name: str) -> str | None:
    """Return "train", "validation" or "test" for a usual name of such a split, in any case."""
    return next((kind for kind, names in _KINDS.items() if name.lower() in names), None)


def find_split(options: Options, splits: Iterable[str]) -> str:
    """Return which of the splits is the wanted one: of its name, or of another name for it.

    Raises:
      MissingSplit: none is, and the message names those that there are.
      UserError: several are, and the message names them.
    """
    splits, wanted = sorted(splits), options.split
    if wanted in splits:
        return wanted
    kind = kind_of_split(wanted) or wanted
    found = [name for name in splits if (kind_of_split(name) or name) == kind]
    if len(found) > 1:
        raise UserError(
            f"{options.name} has several splits for {wanted!r}: {', '.join(found)}; name one"
        )
    if not found:
        raise MissingSplit(
            f"{options.name} has no split {wanted!r}; it has: {', '.join(splits) or 'none'}"
        )
    return found[0]


def hash_of_files(files: Iterable[pathlib.Path], edge: int = 2**16) -> str:
    """Return a hash of the names, the sizes and the first and last `edge` bytes of files.

    Cheap on files of any size, and the formats read here keep checksums or an index in their last
    bytes.
    """
    digest = hashlib.sha256()
    for file in sorted(files):
        size = file.stat().st_size
        digest.update(f"{file.name}\0{size}\0".encode())
        with open(file, "rb") as stream:
            digest.update(stream.read(edge))
            stream.seek(max(0, size - edge))
            digest.update(stream.read(edge))
    return digest.hexdigest()


def train_split(splits: Iterable[str], what: str) -> str:
    """Return which of the splits is for training: its statistics serve all of them.

    Raises:
      UserError: none is, or several are; the message begins with `what`.
    """
    splits = sorted(splits)
    found = [name for name in splits if kind_of_split(name) == "train"]
    if len(found) != 1:
        raise UserError(
            f"{what} must have one split named train; its splits are: {', '.join(splits)}"
        )
    return found[0]
