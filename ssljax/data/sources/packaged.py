"""`uci:adult`, `debian:openclipart`, `ucr:NAME`, ...: sets that `ssljax data prepare` wrote."""

import pathlib

from ssljax.data.sources.arrays import load
from ssljax.data.sources.base import Options
from ssljax.data.sources.fields import source_of
from ssljax.data.sources.in_memory import ArraySource
from ssljax.data.storage import data_directory
from ssljax.errors import UserError, unknown

SHORT = {  # names that `prepare` takes, too
    "20newsgroups": "pypi:newsgroups",
    "adult": "uci:adult",
    "asterisk": "debian:asterisk",
    "brown": "npm:brown",
    "elpv": "pypi:elpv",
    "emoji": "npm:emoji",
    "emoji_anim": "npm:emoji_anim",
    "gcide": "debian:gcide",
    "klettres": "debian:klettres",
    "klettres_syllables": "debian:klettres_syllables",
    "mricron": "debian:mricron",
    "newsgroups": "pypi:newsgroups",
    "openclipart": "debian:openclipart",
    "proteins": "debian:proteins",
    "r52": "pypi:r52",
    "r8": "pypi:r8",
    "seglearn": "seglearn:watch",
    "sonicpi": "debian:sonicpi",
    "spoken_stamps": "debian:spoken_stamps",
    "stamps": "debian:stamps",
}


def file_of(source: str, root: pathlib.Path) -> pathlib.Path:
    """Return where the arrays of a source lie once it is prepared.

    Args:
      source: its name, KIND:NAME.
      root: the folder of prepared sets.

    Raises:
      UserError: the name could lie elsewhere: it has other characters than letters, digits and _.
    """
    kind, _, name = source.partition(":")
    if not name.isidentifier():
        raise UserError(f"{source!r} names no data set; write {kind}:NAME")
    return root / kind / f"{name}.npz"


def open_packaged(name: str, options: Options) -> ArraySource:
    """Open one split of a prepared set.

    Raises:
      UserError: it is not prepared.
    """
    kind = options.name.partition(":")[0]
    sets = [source.partition(":")[2] for source in SHORT.values() if source.startswith(f"{kind}:")]
    if sets and name not in sets:
        raise unknown(f"set of {kind}:", name, sets)
    root = data_directory(options.data_dir)
    file = file_of(options.name, root)
    if not file.is_file():
        raise UserError(
            f"{options.name!r} is not prepared in {root}; "
            f"prepare it with: python -m ssljax data prepare {options.name}"
        )
    return source_of(load(file), options)
