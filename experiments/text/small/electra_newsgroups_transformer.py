r"""ELECTRA on 20 Newsgroups: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/text/small/electra_newsgroups_transformer.py \
        --workdir runs/electra

Replaced words, BERT-mini with embeddings of 64.
experiments/text/common.py says how to prepare the data.
"""

from experiments.text.common import BERT_MINI, newsgroups


def get_config():
    """Return the config."""
    config = newsgroups({**BERT_MINI, "embed_width": 64})
    config.objective = {"name": "electra"}
    return config
