r"""ALBERT on 20 Newsgroups: half an hour on one CPU core.

    python -m ssljax pretrain --config experiments/text/small/albert_newsgroups_transformer.py \
        --workdir runs/albert

Hidden words and sentence order, twice the same layer, embeddings of 64.
experiments/text/common.py says how to prepare the data.
"""

from experiments.text.common import BERT_TINY, newsgroups


def get_config():
    """Return the config."""
    config = newsgroups({**BERT_TINY, "embed_width": 64, "shared_layers": True}, steps=2500)
    config.objective = {"name": "albert"}
    config.evaluation.protocols = {"held_out_loss": {}}
    return config
