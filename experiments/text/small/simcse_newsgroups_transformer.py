r"""SimCSE on 20 Newsgroups: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/text/small/simcse_newsgroups_transformer.py \
        --workdir runs/simcse

Two passes through dropout, BERT-mini.
experiments/text/common.py says how to prepare the data.
"""

from experiments.text.common import BERT_MINI, newsgroups


def get_config():
    """Return the config."""
    config = newsgroups({**BERT_MINI, "dropout": 0.1, "attention_dropout": 0.1})
    config.objective = {"name": "simcse"}
    config.batch_size = 64
    return config
