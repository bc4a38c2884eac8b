r"""RoBERTa-base as published: batch 8,192, 500,000 steps, packed rows of 512 tokens.

    python -m ssljax pretrain --config experiments/text/paper/roberta_wikipedia_books_base.py \
        --workdir SHARED/roberta --distributed

Paper: 87.6 on MNLI (Liu et al., 2019, https://arxiv.org/abs/1907.11692; facebookresearch/fairseq,
examples/roberta/README.md, line 36). Hyper-parameters: the card of the released weights,
FacebookAI/roberta-base, "Pretraining": batch, steps, rate, warm-up, betas, epsilon, weight decay
(the paper's table 9, not checked); no clipping, dropout and whole sentences:
examples/roberta/config/pretraining/base.yaml, lines 12 to 42, which else is of a smaller run, batch
2,048 at 5e-4; what decays: fairseq/optim/adam.py, lines 229 to 232.
Needs: 1,024 V100 GPUs for a day, of the large model (section 5), and 160 GB of texts.
Not run here. Deviates: bfloat16 compute; a text sees itself alone in its row; the number of hidden
words is rounded to the nearest; the set is that of the paper's first comparison, of which the large
one is not public.
"""

from experiments.text.paper.common import (
    ALL_DECAY,
    BASE,
    DROPOUT,
    POST_NORM,
    ROBERTA,
    packed,
    texts,
)


def get_config():
    """Return the config."""
    encoder = {**BASE, **POST_NORM, **DROPOUT, **ROBERTA}
    config = packed(
        texts(
            "text:wikipedia_books",
            "json:roberta.json",
            steps=500_000,
            batch_size=8192,
            length=512,
            encoder=encoder,
        )
    )
    config.objective = {"name": "roberta", "logits_block": 32}
    config.optimizer.learning_rate = 6e-4
    config.optimizer.warmup_steps = 24_000
    config.optimizer.b2 = 0.98
    config.optimizer.clip_norm = 0.0
    config.optimizer.param_groups = ALL_DECAY
    return config
