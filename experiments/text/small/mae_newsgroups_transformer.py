r"""MAE on 20 Newsgroups: five minutes on one CPU core.

    python -m ssljax pretrain --config experiments/text/small/mae_newsgroups_transformer.py \
        --workdir runs/mae

Half of the words are left out, and a small decoder predicts them; BERT-tiny.
experiments/text/common.py says how to prepare the data.
"""

from experiments.text.common import BERT_TINY, newsgroups


def get_config():
    """Return the config."""
    config = newsgroups(BERT_TINY)
    config.objective = {
        "name": "mae",
        "mask_ratio": 0.5,
        "decoder_width": 64,
        "decoder_depth": 1,
        "decoder_heads": 2,
    }
    return config
