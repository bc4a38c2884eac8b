"""Small text files, written completely or not at all."""

import os
import pathlib

from ssljax.errors import UserError


def write_atomically(path: pathlib.Path, text: str) -> None:
    """Write a file atomically: neither a reader nor a crash can leave it half written.

    Raises:
      UserError: the file cannot be written (no folder, no permission, disk full); an older file is
        then unchanged.
    """
    new = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with new.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise UserError(f"cannot write {path}: {error.strerror}") from error
