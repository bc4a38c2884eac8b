r"""word2vec on R8, news of Reuters: two minutes on one CPU core.

    python -m ssljax pretrain --config experiments/text/small/word2vec_r8_vectors.py \
        --workdir runs/word2vec_r8

A text is the mean of its words' vectors; packed rows.
experiments/text/common.py says how to prepare the data.
"""

from experiments.text.common import word2vec


def get_config():
    """Return the config."""
    return word2vec("pypi:r8")
