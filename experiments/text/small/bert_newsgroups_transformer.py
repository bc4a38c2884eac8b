r"""BERT on 20 Newsgroups: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/text/small/bert_newsgroups_transformer.py \
        --workdir runs/bert

Hidden words and next sentence, BERT-mini.
experiments/text/common.py says how to prepare the data.
"""

from experiments.text.common import BERT_MINI, newsgroups


def get_config():
    """Return the config."""
    config = newsgroups(BERT_MINI)
    config.objective = {"name": "bert"}
    return config
