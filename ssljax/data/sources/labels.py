"""Labels as a data set has them, made the numbers of classes."""

from collections.abc import Iterable, Sequence

import numpy as np

from ssljax.errors import UserError

_MOST = 2**31  # labels are 32-bit


def are_names(labels: np.ndarray) -> bool:
    """Say whether labels are strings."""
    return labels.dtype.kind in "US"


def class_names(labels: Iterable[np.ndarray]) -> list[str]:
    """Return all the names in arrays of strings, sorted."""
    return sorted(set().union(*(_strings(array) for array in labels)))


def numbers_of(labels: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Return int64[n], the places of an array of strings among `names`."""
    place = {name: number for number, name in enumerate(names)}
    return np.array([place[name] for name in _strings(labels)], np.int64)


def _strings(labels: np.ndarray) -> list[str]:
    if labels.dtype.kind == "S":
        return [label.decode("utf-8", "backslashreplace") for label in labels.tolist()]
    return labels.tolist()


def checked(labels: np.ndarray, what: str) -> np.ndarray:
    """Return labels that are whole numbers from 0, of whatever dtype, as int64[n].

    Raises:
      UserError: they are something else, or do not fit in 32 bits; the message begins with `what`.
    """
    if labels.dtype.kind == "f" and np.isnan(labels).any():
        raise UserError(
            f"{what} must be integers from 0, {int(np.isnan(labels).sum())} of {labels.size} are "
            "NaN; leave those examples out, or all labels"
        )
    whole = labels.dtype.kind in "biu" or (
        labels.dtype.kind == "f" and (labels == np.floor(labels)).all()
    )
    if not whole or labels.min() < 0:
        least = f" from {labels.min()}" if labels.dtype.kind in "biuf" else ""
        raise UserError(f"{what} must be integers from 0, or strings; it is {labels.dtype}{least}")
    if labels.max() >= _MOST:
        raise UserError(
            f"{what} has {labels.max()}, and labels must be less than 2**31; number the classes: "
            "np.unique(label, return_inverse=True)[1]"
        )
    return labels.astype(np.int64)
