"""Texts packed into rows: all tokens are there once, rows are full, long texts are cut."""

import numpy as np
import pytest

from ssljax.data import Joined, Pipeline, mixture_of, open_source, packed_texts
from ssljax.data.packing_texts import best_fit, pieces
from ssljax.errors import UserError


def test_the_longest_come_first_and_go_where_least_room_is_left():
    assert best_fit([4, 3, 5, 2, 1], 6) == [[2, 4], [0, 3], [1]]
    lengths = np.random.default_rng(0).integers(1, 41, 5000)
    rows = best_fit(lengths, 40)
    assert sorted(sum(rows, [])) == list(range(5000))
    filled = [lengths[row].sum() for row in rows]
    assert max(filled) <= 40 and sum(filled) / (40 * len(rows)) > 0.98


def test_pieces_have_the_begin_and_end_of_the_text():
    ids = np.array([7, 1, 2, 3, 4, 5, 8])
    assert [one.tolist() for one in pieces(ids, 4, 1, 1)] == [[7, 1, 2, 8], [7, 3, 4, 8], [7, 5, 8]]
    assert [one.tolist() for one in pieces(ids, 4, 0, 0)] == [[7, 1, 2, 3], [4, 5, 8]]
    assert pieces(ids, 7, 1, 1)[0] is ids
    with pytest.raises(UserError, match="no room"):
        pieces(ids, 2, 1, 1)


@pytest.mark.parametrize("tokenizer", ["", "bytes"])
def test_no_token_is_lost(tmp_path, tokenizer):
    rng = np.random.default_rng(0)
    texts = [
        "".join(rng.choice([*"abcdef "], rng.integers(1, 200))).strip() or "a" for _ in range(90)
    ]
    (tmp_path / "few.txt").write_text("\n".join(texts))
    source = open_source(f"text:{tmp_path / 'few.txt'}", tokenizer=tokenizer)
    packed = packed_texts(source, "text", 64)
    value = packed.arrays["text"]
    assert value.shape == (len(packed), 64) and packed.fields["text"].shape == (64,)
    letters = value.data[(value.segments > 0) & (value.data < 256)]
    assert sorted(letters) == sorted("".join(texts).encode())
    assert not value.data[value.segments == 0].any()
    for row in range(len(packed)):
        segments = value.segments[row]
        used = segments[segments > 0]
        assert used[0] == 1 and set(np.diff(used)) <= {0, 1} and not segments[len(used) :].any()
        if tokenizer:
            starts = np.flatnonzero(np.diff(used, prepend=0))
            assert (value.data[row, starts] == 256).all()
            assert (value.data[row, np.append(starts[1:], len(used)) - 1] == 257).all()
    share = np.count_nonzero(value.segments) / value.segments.size
    assert f"{share:.1%} of them used" in packed.report and "90 texts in" in packed.report
    assert share > 0.97
    again = packed_texts(source, "text", 64)
    np.testing.assert_array_equal(again[3]["text"].data, packed[3]["text"].data)
    assert packed.fingerprint() == again.fingerprint() != source.fingerprint()
    batch = Pipeline(packed, seed=0, batch_size=4).batch(2)
    np.testing.assert_array_equal(batch["text"].data, value.data[batch["id"]])


@pytest.mark.parametrize("packed", [True, False])
def test_texts_of_several_sets_are_mixed(tmp_path, packed):
    sources = []
    for name in ("a", "b"):
        (tmp_path / f"{name}.txt").write_text("\n".join(f"{name * 5}{n}" for n in range(40)))
        source = open_source(f"text:{tmp_path / f'{name}.txt'}", tokenizer="bytes")
        sources.append(packed_texts(source, "text", 16) if packed else source)
    joined = Joined(sources)
    pipeline = Pipeline(
        joined,
        seed=0,
        batch_size=4,
        length=None if packed else 16,
        mixture=mixture_of(joined.counts, (1.0, 3.0), 4),
    )
    letters = [set(pipeline.batch(step)["text"].data.ravel()) & {*b"ab"} for step in range(8)]
    assert letters.count({ord("a")}) == 2 and letters.count({ord("b")}) == 6
