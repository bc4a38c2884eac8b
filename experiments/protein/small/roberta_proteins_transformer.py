r"""Masked language model of proteins: four minutes on one CPU core.

    python -m ssljax data prepare proteins
    python -m ssljax pretrain --config experiments/protein/small/roberta_proteins_transformer.py \
        --workdir runs/proteins

Amino acids are the words (ESM-1b, Rives et al. 2021); packed rows of 256. Encoders are trained on
8,598 proteins, and tell ten functions of 2,508 others of other families apart.
"""

from experiments.text.common import BERT_TINY, texts


def get_config():
    """Return the config."""
    config = texts("debian:proteins", {**BERT_TINY, "length": 256}, batch_size=16)
    config.data.split = "unlabelled"
    config.data.tokenizer = "amino_acids"
    config.data.length, config.data.pack = 0, 256
    config.objective = {"name": "roberta"}
    config.evaluation.few_labels = ()
    return config
