"""Small files, whole or not at all."""

import os
import pathlib

from ssljax.errors import UserError


def write_atomically(path: pathlib.Path, content: str | bytes) -> None:
    """Write a file, text as UTF-8, so that a reader, or a crash, never meets half of it.

    Raises:
      UserError: the file cannot be written (no folder, no permission, disk full); what was there
        before is untouched.
    """
    new = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with new.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise UserError(f"cannot write {path}: {error.strerror}") from error
