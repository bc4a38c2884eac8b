r"""ALBERT on 20 Newsgroups: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/text/small/albert_newsgroups_transformer.py \
        --workdir runs/albert

Hidden words and sentence order, four times the same layer.
experiments/text/common.py says how to prepare the data.
"""

from experiments.text.common import BERT_MINI, newsgroups


def get_config():
    """Return the config."""
    config = newsgroups({**BERT_MINI, "embed_width": 64, "shared_layers": True})
    config.objective = {"name": "albert"}
    return config
