r"""GPT on 20 Newsgroups: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/text/small/gpt_newsgroups_transformer.py \
        --workdir runs/gpt

Next words, GPT-2 of the size of BERT-mini.
experiments/text/common.py says how to prepare the data.
"""

from experiments.text.common import GPT_MINI, newsgroups


def get_config():
    """Return the config."""
    config = newsgroups(GPT_MINI)
    config.objective = {"name": "gpt"}
    return config
