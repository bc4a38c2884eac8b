r"""ELECTRA-base as published: batch 256 of 512 tokens, 766,000 steps.

    python -m ssljax pretrain --config experiments/text/paper/electra_wikipedia_books_base.py \
        --workdir SHARED/electra --distributed

Paper: 85.1 on GLUE (Clark et al., 2020, table 1, from the paper, not checked,
https://arxiv.org/abs/2003.10555); the released weights, trained for longer on more, have 88.8 on
MNLI's dev (google-research/electra, README.md, lines 25 and 160). Hyper-parameters:
configure_pretraining.py, lines 37 to 52 and 120 to 128, model/optimization.py, lines 53 to 62; the
number of steps is the paper's, table 6, not checked.
Needs: 16 TPUv3 chips for 4 days (table 1, not checked).
Not run here. Deviates: bfloat16 compute; words are hidden one by one and anew in every step.
"""

from experiments.text.paper.common import BASE, DROPOUT, POST_NORM, texts


def get_config():
    """Return the config."""
    config = texts(
        "text:wikipedia_books",
        "wordpiece:vocab.txt",
        steps=766_000,
        batch_size=256,
        length=512,
        encoder={**BASE, **POST_NORM, **DROPOUT},
    )
    config.objective = {"name": "electra", "generator_width": 256, "generator_heads": 4}
    config.optimizer.learning_rate = 2e-4
    config.optimizer.warmup_steps = 10_000
    return config
