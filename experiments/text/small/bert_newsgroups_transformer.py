r"""BERT on 20 Newsgroups: half an hour on one CPU core.

    python -m ssljax pretrain --config experiments/text/small/bert_newsgroups_transformer.py \
        --workdir runs/bert

Hidden words and next sentence, BERT-tiny.
experiments/text/common.py says how to prepare the data.
"""

from experiments.text.common import BERT_TINY, newsgroups


def get_config():
    """Return the config."""
    config = newsgroups(BERT_TINY, steps=2500)
    config.objective = {"name": "bert"}
    config.evaluation.protocols = {"held_out_loss": {}}
    return config
