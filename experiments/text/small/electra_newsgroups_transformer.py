r"""ELECTRA on 20 Newsgroups: half an hour on one CPU core.

    python -m ssljax pretrain --config experiments/text/small/electra_newsgroups_transformer.py \
        --workdir runs/electra

Replaced words, BERT-tiny with embeddings of 64, packed rows.
experiments/text/common.py says how to prepare the data.
"""

from experiments.text.common import BERT_TINY, newsgroups


def get_config():
    """Return the config."""
    config = newsgroups({**BERT_TINY, "embed_width": 64}, steps=2500, packed=True)
    config.objective = {"name": "electra"}
    config.evaluation.protocols = {"held_out_loss": {}}
    return config
