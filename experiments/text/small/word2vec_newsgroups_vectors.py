r"""word2vec on 20 Newsgroups: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/text/small/word2vec_newsgroups_vectors.py \
        --workdir runs/word2vec

A text is the mean of its words' vectors.
experiments/text/common.py says how to prepare the data.
"""

from experiments.text.common import newsgroups


def get_config():
    """Return the config."""
    config = newsgroups({"name": "word_vectors", "width": 256}, steps=3000)
    config.batch_size = 128
    config.objective = {"name": "word2vec"}
    config.optimizer.learning_rate = 1e-2
    config.optimizer.weight_decay = 0.0
    return config
