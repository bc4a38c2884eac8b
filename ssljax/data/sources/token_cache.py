"""The ids of texts, kept on disk so that a second start need not tokenize them again."""

import hashlib
import pathlib
import warnings
from collections.abc import Callable, Sequence

import numpy as np

from ssljax.data.sources.npz import load_arrays
from ssljax.data.storage import scratch
from ssljax.errors import UserError

LEAST = 2**20  # characters from which on a set is kept: fewer are tokenized within a second


def kept_ids(
    folder: pathlib.Path, key: str, make: Callable[[], Sequence[np.ndarray]]
) -> Sequence[np.ndarray]:
    """Return ids int32[N] by text: those of a file in `folder`, else those of `make`, kept there.

    A file that is damaged is named in a warning, and made again. Where nothing can be written, a
    warning says so.

    Args:
      folder: of such files; any of them may be deleted.
      key: whatever the ids depend on.
      make: returns them.
    """
    name = f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.npz"
    if (found := _load(folder / name)) is not None:
        return found
    made = make()
    try:
        with scratch(folder, name) as unfinished:
            arrays = {"ids": np.concatenate(made), "ends": np.cumsum([*map(len, made)])}
            np.savez(unfinished / name, **arrays)
            (unfinished / name).replace(folder / name)
    except UserError as error:
        warnings.warn(f"the ids of texts are not kept for the next start: {error}", stacklevel=2)
    return made


def _load(file: pathlib.Path) -> list[np.ndarray] | None:
    if not file.exists():
        return None
    try:
        arrays = load_arrays(file)  # the archive has a checksum of each
        return np.split(arrays["ids"], arrays["ends"][:-1])
    except (UserError, KeyError) as error:
        warnings.warn(f"{file} is damaged, its texts are tokenized anew: {error}", stacklevel=2)
        return None
