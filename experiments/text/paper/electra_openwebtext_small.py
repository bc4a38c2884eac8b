r"""ELECTRA-small as published: batch 128 of 128 tokens, 1,000,000 steps.

    python -m ssljax pretrain --config experiments/text/paper/electra_openwebtext_small.py \
        --workdir SHARED/electra --distributed

Published: 78.9 on MNLI's dev (google-research/electra, README.md, line 162, of OpenWebText as here;
of Wikipedia and books 79.9 on GLUE, from the paper, table 1, not checked: Clark et al., 2020,
https://arxiv.org/abs/2003.10555). Hyper-parameters: configure_pretraining.py, lines 37 to 119, and
util/training_utils.py, lines 103 to 110.
Needs: a V100 GPU for 4 days (README.md, line 63).
Not run here. Deviates: bfloat16 compute; words are hidden one by one and anew in every step.
"""

from experiments.text.paper.common import BASE, DROPOUT, POST_NORM, texts


def get_config():
    """Return the config."""
    encoder = {
        **BASE,
        **POST_NORM,
        **DROPOUT,
        "width": 256,
        "heads": 4,
        "embed_width": 128,
    }
    config = texts(
        "text:openwebtext",
        "wordpiece:vocab.txt",
        steps=1_000_000,
        batch_size=128,
        length=128,
        encoder=encoder,
    )
    # The generator has a quarter of the width, and one head of 64.
    config.objective = {"name": "electra", "generator_width": 64, "generator_heads": 1}
    config.optimizer.learning_rate = 5e-4
    config.optimizer.warmup_steps = 10_000
    return config
