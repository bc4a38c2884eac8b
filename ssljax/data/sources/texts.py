"""The texts of an .npz file: strings, or ids of a vocabulary."""

import numpy as np

from ssljax.errors import UserError
from ssljax.spec import Field


def checked_text(
    found: np.ndarray, vocab: np.ndarray | None, count: int, what: str
) -> tuple[Field, np.ndarray]:
    """Return the field of texts as they are read, and their array.

    Args:
      found: strings [n], `str` or objects; or ids int [n, N], where those below 0 are none.
      vocab: the number of ids, a whole number; not for strings.
      count: of the examples.
      what: the name of the array, for messages.

    Raises:
      UserError: neither strings nor ids, not one for each example, a text without a token, an id
        outside of the vocabulary.
    """
    strings = found.ndim == 1 and (
        found.dtype.kind == "U"
        or (found.dtype == object and all(isinstance(one, str) for one in found))
    )
    if not strings and not (found.ndim == 2 and found.dtype.kind in "iu"):
        raise UserError(
            f"{what} must be strings [n], as np.array(texts, dtype=str) holds them, or ids int "
            f"[n, N] beside the number of ids `vocab`; it is {found.dtype} of {found.shape}"
        )
    if len(found) != count:
        raise UserError(f"{what} must be one for each of {count} examples, there are {len(found)}")
    empty = found == "" if strings else (found < 0).all(axis=1)
    if empty.any():
        raise UserError(f"{what}: the text of example {int(np.argmax(empty))} has no token")
    if strings:
        return Field("text", (None,), "str"), found
    if vocab is None or vocab.shape != () or vocab.dtype.kind not in "iu" or vocab < 1:
        raise UserError(f"{what} holds ids; the file must have `vocab` too, the number of ids")
    if found.max() >= vocab:
        example = int(np.argmax(found.max(axis=1)))
        raise UserError(
            f"{what}: example {example} has the id {int(found.max())}, and `vocab` is {int(vocab)}:"
            " ids are 0 to vocab - 1"
        )
    field = Field("text", (None,), "int32", vocab=int(vocab), ragged=True)
    return field, found.astype(np.int32)
