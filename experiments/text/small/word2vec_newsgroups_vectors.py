r"""word2vec on 20 Newsgroups: two minutes on one CPU core.

    python -m ssljax pretrain --config experiments/text/small/word2vec_newsgroups_vectors.py \
        --workdir runs/word2vec_newsgroups

A text is the mean of its words' vectors; packed rows.
experiments/text/common.py says how to prepare the data.
"""

from experiments.text.common import word2vec


def get_config():
    """Return the config."""
    return word2vec("pypi:newsgroups")
