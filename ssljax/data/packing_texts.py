"""Texts packed into full rows: the long ones in pieces, so that no token is lost."""

from collections.abc import Sequence

import numpy as np

from ssljax.data.sources.base import Options, Source
from ssljax.data.sources.in_memory import ArraySource
from ssljax.data.sources.tokenized import tokenized
from ssljax.data.tokenizers.characters import PlainBytes
from ssljax.errors import UserError
from ssljax.spec import Value


def best_fit(lengths: Sequence[int], capacity: int) -> list[list[int]]:
    """Return which examples each row holds: the longest first, each where least room is left.

    Args:
      lengths: of the examples, from 1 to `capacity`.
      capacity: of a row.

    Example:
      >>> best_fit([4, 3, 5, 2, 1], capacity=6)
      [[2, 4], [0, 3], [1]]
    """
    rows: list[list[int]] = []
    with_room: list[list[int]] = [[] for _ in range(capacity + 1)]  # rows, by their room
    for example in np.argsort(-np.asarray(lengths), kind="stable").tolist():
        length = int(lengths[example])
        room = next((room for room in range(length, capacity) if with_room[room]), capacity)
        if room == capacity:
            rows.append([])
            row = len(rows) - 1
        else:
            row = with_room[room].pop()
        rows[row].append(example)
        with_room[room - length].append(row)
    return rows


def pieces(ids: np.ndarray, longest: int, begin: int, end: int) -> list[np.ndarray]:
    """Return a text in pieces of one length but for the last, each a text with begin and end.

    Args:
      ids: int32[N], of a text.
      longest: tokens of a piece.
      begin: number of tokens that begin every text.
      end: likewise.

    Raises:
      UserError: no token of the text fits into a piece.
    """
    if len(ids) <= longest:
        return [ids]
    size = longest - begin - end
    if size < 1:
        raise UserError(f"config.data.pack={longest} has no room beside begin and end of a text")
    first, last = ids[:begin], ids[len(ids) - end :]
    body = ids[begin : len(ids) - end]
    return [
        np.concatenate([first, body[start : start + size], last])
        for start in range(0, len(body), size)
    ]


def packed_texts(source: Source, name: str, capacity: int) -> ArraySource:
    """Return the rows of a source whose texts are packed; other fields and labels are left out.

    All texts are read, and the rows are made once: row i is a function of i. A text that is longer
    than a row is cut into pieces, each between the begin and end tokens of the whole. The order is
    that of `best_fit`; in a row, the texts have the segments 1, 2, ....

    Args:
      source: of texts of any lengths, strings or ids.
      name: of the field.
      capacity: tokens of a row.

    Raises:
      UserError: the texts have one length already, or a row is too short.
    """
    if source.fields[name].sentences == 2:
        raise UserError(
            f"config.data.pack={capacity} packs whole texts, and those of {source.name} are pairs "
            "of sentences; set config.data.length instead"
        )
    if source.fields[name].dtype == "str":
        source = tokenized(source, PlainBytes())
    field = source.fields[name]
    if None not in field.shape:
        raise UserError(
            f"config.data.pack={capacity} is for texts of any lengths, and those of {source.name} "
            f"are of {field.shape[0]} tokens"
        )
    ids = [_ids(source[index][name]) for index in range(len(source))]
    special = dict(field.special)
    cut: list[np.ndarray] = []
    for one in ids:
        begin = int(one[0] == special.get("cls", -1))
        end = int(one[-1] == special.get("sep", -1))
        cut += pieces(one, capacity, begin, end)
    rows = best_fit([*map(len, cut)], capacity)
    data = np.zeros((len(rows), capacity), np.int32)
    segments = np.zeros_like(data)
    for row, members in enumerate(rows):
        data[row, : sum(len(cut[m]) for m in members)] = np.concatenate([cut[m] for m in members])
        ends = np.cumsum([len(cut[m]) for m in members])
        segments[row, : ends[-1]] = np.repeat(np.arange(len(members)) + 1, np.diff(ends, prepend=0))
    share = np.count_nonzero(segments) / segments.size
    said = (
        f"{len(source):,} texts in {len(cut):,} pieces packed into {len(rows):,} rows of "
        f"{capacity} tokens, {share:.1%} of them used"
    )
    found = source.fingerprint()
    options = Options(source.name, source.split)
    return ArraySource(
        {name: field.replace(shape=(capacity,), ragged=True)},
        {name: Value(data, segments)},
        options,
        content=f"{found['content']}, texts packed into {capacity}",
        report="\n".join(filter(None, (source.report, said))),
    )


def _ids(value: np.ndarray | tuple[np.ndarray, ...]) -> np.ndarray:
    """Return the ids of a text: of several captions, those of the first."""
    one = value[0] if isinstance(value, tuple) else np.asarray(value)
    return one[one >= 0]
