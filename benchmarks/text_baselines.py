"""What classical classifiers score on the prepared sets of text, by scikit-learn.

    ssljax data prepare SET      # 20newsgroups, r8, r52, brown, proteins
    python -m benchmarks.text_baselines

Texts: tf-idf of words with 1 + log of counts, and a linear SVM with C = 1. Proteins: the shares of
residues, standardised, and logistic regression; and counts of words of three residues, 1 + log, of
length 1, and a linear SVM.
"""

import sys

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import LinearSVC

from ssljax.data import open_source

WORDS = ("pypi:newsgroups", "pypi:r8", "pypi:r52", "npm:brown")
PROTEINS = "debian:proteins"


def main(data_dir: str | None = None) -> None:
    """Print the accuracy on the test split of each set, beside that of the largest class."""
    words = TfidfVectorizer(sublinear_tf=True, token_pattern=r"\S+")
    for name in WORDS:
        _score(name, "tf-idf + linear SVM", make_pipeline(words, LinearSVC()), data_dir)
    shares = make_pipeline(
        TfidfVectorizer(analyzer="char", use_idf=False),
        FunctionTransformer(lambda counts: counts.toarray(), accept_sparse=True),
        StandardScaler(),
        LogisticRegression(max_iter=2000),
    )
    threes = TfidfVectorizer(analyzer="char", ngram_range=(3, 3), use_idf=False, sublinear_tf=True)
    _score(PROTEINS, "residues + logistic regression", shares, data_dir)
    _score(
        PROTEINS, "words of 3 residues + linear SVM", make_pipeline(threes, LinearSVC()), data_dir
    )


def _score(name: str, what: str, model: object, data_dir: str | None) -> None:
    train, test = (open_source(name, split=one, data_dir=data_dir) for one in ("train", "test"))
    model.fit(train.arrays["text"], train.arrays["label"])
    labels = test.arrays["label"]
    right = np.mean(model.predict(test.arrays["text"]) == labels)
    largest = np.bincount(labels).max() / len(labels)
    print(f"{name}: {what} {right:.3f}, largest class {largest:.3f}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
