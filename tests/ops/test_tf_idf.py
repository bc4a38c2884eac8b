"""tf-idf beside scikit-learn's, of a small vocabulary and of one whose ids share columns."""

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfTransformer

from ssljax.data import open_source, statistics
from ssljax.ops.tf_idf import COLUMNS, column, columns_of, tf_idf

WORDS = ["[UNK]", "[CLS]", "[SEP]", "a", "b", "c", "d"]


@pytest.fixture
def source(tmp_path):
    rng = np.random.default_rng(0)
    lines = [" ".join(rng.choice(WORDS[3:6], rng.integers(1, 9))) for _ in range(40)]
    (tmp_path / "vocab.txt").write_text("\n".join(WORDS))
    (tmp_path / "few.txt").write_text("\n".join(lines))
    return open_source(
        f"text:{tmp_path / 'few.txt'}", tokenizer=f"wordpiece:{tmp_path / 'vocab.txt'}"
    )


def padded(source):
    texts = [source[i]["text"] for i in range(len(source))]
    ids, segments = np.zeros((2, len(texts), 10), np.int32)
    for row, text in enumerate(texts):
        ids[row, : len(text)], segments[row, : len(text)] = text, 1
    return ids, segments


def test_it_is_that_of_scikit_learn(source):
    idf, ones = statistics(source)["text"]
    ids, segments = padded(source)
    texts = (row[real > 0] for row, real in zip(ids, segments, strict=True))
    counts = np.stack([np.bincount(text, minlength=7) for text in texts])
    reference = TfidfTransformer().fit(counts)
    np.testing.assert_allclose(idf, reference.idf_, rtol=1e-6)
    assert (ones == 1).all()
    expected = reference.transform(np.log1p(counts)).toarray()
    np.testing.assert_allclose(tf_idf(ids, segments, 7, idf), expected, atol=1e-6)


def test_a_large_vocabulary_shares_its_columns_evenly():
    vocab = 30_522
    places = column(np.arange(vocab, dtype=np.int32), vocab)
    load = np.bincount(places, minlength=COLUMNS)
    assert columns_of(vocab) == COLUMNS and load.max() <= 9 and load.min() >= 6
    assert columns_of(300) == 300 and column(np.array([299]), 300) == 299
    ids = np.array([[5, 5, 29_000, 7]])
    found = np.asarray(tf_idf(ids, np.array([[1, 1, 1, 0]]), vocab))
    expected = np.zeros(COLUMNS)
    np.add.at(expected, places[[5, 5, 29_000]], 1)
    np.testing.assert_allclose(
        found[0], np.log1p(expected) / np.linalg.norm(np.log1p(expected)), atol=1e-6
    )


def test_a_text_without_a_token_is_zero():
    found = np.asarray(tf_idf(np.zeros((1, 3), np.int32), np.zeros((1, 3), np.int32), 4))
    assert not found.any() and np.isfinite(found).all()
