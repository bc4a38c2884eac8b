"""Where data sets live, and how they come there whole or not at all."""

import contextlib
import errno
import fcntl
import os
import pathlib
import shutil
from collections.abc import Iterator

from ssljax.errors import UserError


def data_directory(data_dir: str | os.PathLike | None = None) -> pathlib.Path:
    """Return `data_dir`, or $SSLJAX_DATA_DIR, or ~/.cache/ssljax/data."""
    chosen = data_dir or os.environ.get("SSLJAX_DATA_DIR") or "~/.cache/ssljax/data"
    return pathlib.Path(chosen).expanduser()


@contextlib.contextmanager
def writing(path: pathlib.Path) -> Iterator[None]:
    """Tell a full disk and a missing permission, met while writing at `path`, in one line."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        number = getattr(error, "errno", None)
        # The writer of ArrayRecord files is not Python and raises a RuntimeError with the reason.
        if number in (errno.ENOSPC, errno.EDQUOT) or os.strerror(errno.ENOSPC) in str(error):
            raise UserError(
                f"no space left on the disk of {path}; "
                "free some, or set SSLJAX_DATA_DIR to a folder elsewhere"
            ) from error
        if number in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST):
            raise UserError(
                f"cannot write in {path} ({error.strerror}); "
                "set SSLJAX_DATA_DIR to a folder of your own"
            ) from error
        raise


def require_space(path: pathlib.Path, needed: int) -> None:
    """Raise a UserError unless the disk of the existing folder `path` has `needed` bytes free."""
    free = shutil.disk_usage(path).free
    if free < needed:
        raise UserError(
            f"the disk of {path} has {free / 1e6:.0f} MB free, {needed / 1e6:.0f} MB are needed; "
            "free some, or set SSLJAX_DATA_DIR to a folder elsewhere"
        )


@contextlib.contextmanager
def scratch(parent: pathlib.Path, name: str) -> Iterator[pathlib.Path]:
    """Give an empty folder beside the final place, under a lock, and remove it afterwards.

    What is finished is moved out of it with `os.rename`, which is atomic; whatever an interrupted
    run left in it is removed by the next one.
    """
    with writing(parent):
        parent.mkdir(parents=True, exist_ok=True)
        with open(parent / f".{name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # released by the kernel even after a kill
            folder = parent / f".{name}.unfinished"
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)
