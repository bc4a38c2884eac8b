r"""RoBERTa on 20 Newsgroups: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/text/small/roberta_newsgroups_transformer.py \
        --workdir runs/roberta

Hidden words alone, BERT-mini.
experiments/text/common.py says how to prepare the data.
"""

from experiments.text.common import BERT_MINI, newsgroups


def get_config():
    """Return the config."""
    config = newsgroups(BERT_MINI)
    config.objective = {"name": "roberta"}
    return config
