"""The decoded arrays of a small prepared set, kept beside it so that it is decoded only once."""

import pathlib

import numpy as np

from ssljax.data.sources.npz import load_arrays
from ssljax.errors import UserError


def kept_file(folder: pathlib.Path, split: str) -> pathlib.Path:
    """Return where the arrays of a split are kept."""
    return folder / f"ssljax-{split}.npz"


def save_kept(file: pathlib.Path, content: str, arrays: dict[str, np.ndarray]) -> None:
    """Write "image" and, if there, "label", with the hash of the records that they come from."""
    np.savez(file, content=np.array(content), **arrays)


def load_kept(file: pathlib.Path, content: str) -> dict[str, np.ndarray] | None:
    """Return the arrays that come from records with this hash, None if there are none."""
    if not file.is_file():
        return None
    try:
        arrays = load_arrays(file)
    except UserError:
        return None
    return arrays if str(arrays.pop("content", None)) == content else None
