r"""BERT on 20 Newsgroups: five minutes on one CPU core.

    python -m ssljax pretrain --config experiments/text/small/bert_newsgroups_transformer.py \
        --workdir runs/bert

Hidden words and next sentence, BERT-tiny.
experiments/text/common.py says how to prepare the data.
"""

from experiments.text.common import BERT_TINY, newsgroups


def get_config():
    """Return the config."""
    config = newsgroups(BERT_TINY)
    config.objective = {"name": "bert"}
    return config
