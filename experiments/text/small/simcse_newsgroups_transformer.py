r"""SimCSE on 20 Newsgroups: five minutes on one CPU core.

    python -m ssljax pretrain --config experiments/text/small/simcse_newsgroups_transformer.py \
        --workdir runs/simcse

Two passes through dropout, BERT-tiny.
experiments/text/common.py says how to prepare the data.
"""

from experiments.text.common import BERT_TINY, newsgroups


def get_config():
    """Return the config."""
    config = newsgroups({**BERT_TINY, "dropout": 0.1, "attention_dropout": 0.1}, steps=400)
    config.objective = {"name": "simcse"}
    config.optimizer.learning_rate = 5e-4
    return config
