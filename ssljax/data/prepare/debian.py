"""Files out of a Debian package, without being root and without touching the system."""

import dataclasses
import os
import pathlib
import shutil
import subprocess
from collections.abc import Sequence

from ssljax.errors import UserError


class Unavailable(Exception):
    """This way to a data set is closed on this machine; another may be open."""


@dataclasses.dataclass(frozen=True)
class Package:
    """A Debian package that holds data.

    Attributes:
      name: of the package.
      licence: of the data in it.
      further: packages that belong to the same set.
    """

    name: str
    licence: str
    further: tuple[str, ...] = ()


def fetch_package(
    name: str, folder: pathlib.Path, timeout: float = 300, *, further: Sequence[str] = ()
) -> pathlib.Path:
    """Download packages with apt, which checks Debian's signatures, and unpack them.

    apt keeps its package lists and its cache in `folder`, so neither root nor up-to-date system
    lists are needed.

    Args:
      name: of the package.
      folder: an existing folder to work in.
      timeout: of each step, in seconds.
      further: names of packages that are unpacked into the same folder.

    Returns:
      The folder that holds the package's files, by their path from /.

    Raises:
      Unavailable: no apt here, no network, or no such package.
    """
    for tool in ("apt-get", "dpkg"):
        if shutil.which(tool) is None:
            raise Unavailable(f"{tool} is not on this machine")
    lists, cache, unpacked = folder / "lists", folder / "cache", folder / "unpacked"
    (lists / "partial").mkdir(parents=True)
    (cache / "archives" / "partial").mkdir(parents=True)
    apt = [
        "apt-get",
        "-q",
        "-o",
        f"Dir::State::lists={lists}",
        "-o",
        f"Dir::Cache={cache}",
        "-o",
        "Acquire::http::Timeout=20",
        "-o",
        "Acquire::Retries=1",
        "-o",
        "Acquire::Languages=none",
    ]
    if os.geteuid() == 0:
        apt += [
            "-o",
            "APT::Sandbox::User=root",
        ]  # else apt complains that its own user cannot write here
    run_tool([*apt, "update"], folder, timeout)
    for one in (name, *further):
        run_tool([*apt, "download", one], folder, timeout)
        packages = sorted(folder.glob(f"{one}_*.deb"))
        if not packages:
            raise Unavailable(f"apt did not download {one}")
        run_tool(["dpkg", "-x", str(packages[0]), str(unpacked)], folder, timeout)
    return unpacked


def run_tool(command: list[str], folder: pathlib.Path, timeout: float) -> None:
    """Run a command in `folder`, silently.

    Raises:
      Unavailable: it cannot be run, fails or takes longer than `timeout` seconds.
      UserError: the disk is full.
    """
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            timeout=timeout,
            capture_output=True,
            text=True,
            env=os.environ | {"LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"{command[0]} took more than {timeout:.0f} s") from error
    except OSError as error:
        raise Unavailable(f"{command[0]} cannot be run ({error})") from error
    if done.returncode:
        output = done.stderr.strip() or done.stdout.strip()
        if "No space left" in output:
            raise UserError(
                f"no space left on the disk of {folder}; free some, or set SSLJAX_DATA_DIR"
            )
        complaints = [
            line for line in output.splitlines() if line.startswith("E:")
        ] or output.splitlines()
        raise Unavailable(
            f"{command[0]}: {complaints[-1] if complaints else f'exit {done.returncode}'}"
        )
