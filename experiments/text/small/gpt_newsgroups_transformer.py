r"""GPT on 20 Newsgroups: six minutes on one CPU core.

    python -m ssljax pretrain --config experiments/text/small/gpt_newsgroups_transformer.py \
        --workdir runs/gpt

Next words, GPT-2 of the size of BERT-tiny, packed rows.
experiments/text/common.py says how to prepare the data.
"""

from experiments.text.common import GPT_TINY, newsgroups


def get_config():
    """Return the config."""
    config = newsgroups(GPT_TINY, packed=True)
    config.objective = {"name": "gpt"}
    config.evaluation.protocols = {"held_out_loss": {}}
    return config
