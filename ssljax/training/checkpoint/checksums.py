"""A manifest of the files of a folder, by which damage is noticed before anything is read."""

import errno
import json
import pathlib
import zlib
from collections.abc import Collection, Mapping
from typing import Any

from ssljax.errors import UserError

MANIFEST = "ssljax.json"
FORMAT = 1
_BLOCK = 1 << 22  # bytes
# What is said of a place where there is no file: none, a folder, a file among the folders above it,
# a link that leads nowhere. All else says nothing about the content.
_NO_FILE = (errno.ENOENT, errno.EISDIR, errno.ENOTDIR, errno.ELOOP)


class Damaged(Exception):
    """A folder is not what its manifest says."""


def write_manifest(
    folder: pathlib.Path, content: Mapping[str, Any], *, except_for: Collection[str]
) -> None:
    """Write the manifest: `content`, with the size and CRC-32 of every file that is in the folder.

    Args:
      folder: whose files are all written.
      content: what JSON can hold; it gets the keys "format" and "files".
      except_for: names of files that may change later.
    """
    files = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        if path.name != MANIFEST and path.name not in except_for:
            files[path.relative_to(folder).as_posix()] = [path.stat().st_size, _crc32(path)]
    content = {**content, "format": FORMAT, "files": files}
    text = json.dumps({"content": content, "crc32": _crc32_of(content)}, indent=1)
    (folder / MANIFEST).write_text(text)


def read_manifest(folder: pathlib.Path) -> dict[str, Any]:
    """Return the content of the manifest.

    Raises:
      Damaged: it is not there, or not as it was written.
      UserError: it cannot be read, or is of another version.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_bytes())
        content, checksum = manifest["content"], manifest["crc32"]
    except OSError as error:
        raise _explained(path, MANIFEST, error) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Damaged(f"{MANIFEST} is cut short or overwritten") from error
    if checksum != _crc32_of(content):
        raise Damaged(f"the content of {MANIFEST} has changed")
    if not isinstance(content, dict) or not {"format", "files"} <= {*content}:
        raise Damaged(f"{MANIFEST} is no manifest")
    if content["format"] != FORMAT:
        raise UserError(
            f"{path} has format {content['format']}; this version of ssljax reads {FORMAT}"
        )
    return content


def verify(folder: pathlib.Path) -> None:
    """Raise Damaged unless every file is as the manifest says.

    Raises:
      Damaged: naming the file.
      UserError: a file cannot be read, which says nothing about its content.
    """
    for name, (size, checksum) in read_manifest(folder)["files"].items():
        path = folder / name
        try:
            found = path.stat().st_size
            if found != size:
                raise Damaged(f"{name} has {found} bytes instead of {size}")
            if _crc32(path) != checksum:
                raise Damaged(f"the content of {name} has changed")
        except OSError as error:
            raise _explained(path, name, error) from error


def _explained(path: pathlib.Path, name: str, error: OSError) -> Exception:
    if error.errno in _NO_FILE:
        return Damaged(f"{name} is missing")
    return UserError(f"cannot read the checkpoint {path}: {error.strerror}")


def _crc32(path: pathlib.Path) -> int:
    checksum = 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            checksum = zlib.crc32(block, checksum)
    return checksum


def _crc32_of(content: Any) -> int:
    return zlib.crc32(json.dumps(content, sort_keys=True).encode())
