r"""RoBERTa-base fine-tuned on SST-2 as published: batch 32, 20,935 steps.

    python -m ssljax import --from hf roberta-base --workdir SHARED/roberta
    python -m ssljax finetune --init-from SHARED/roberta \
        --config experiments/text/paper/finetune_roberta_sst2_base.py --workdir SHARED/roberta_sst2

Paper: 94.8 accuracy on dev (facebookresearch/fairseq, examples/roberta/README.md, line 36; Liu et
al., 2019, https://arxiv.org/abs/1907.11692). Hyper-parameters:
examples/roberta/config/finetuning/sst_2.yaml, lines 35 to 59; the head:
fairseq/models/roberta/model.py, lines 526 to 533.
Needs: a V100 GPU, and SST-2 as finetune_bert_sst2_base.py has it.
Not run here. Deviates: bfloat16 compute; no dropout before the first layer of the head, which has
one behind it; the head starts from a normal distribution; all rows have 128 tokens, where
the code bounds a batch by 4,400 tokens; the last checkpoint is scored, where the code takes the
best on dev.
"""

from experiments.text.paper.common import (
    ALL_DECAY,
    BASE,
    DROPOUT,
    POST_NORM,
    ROBERTA,
    SST2,
    glue,
)


def get_config():
    """Return the config."""
    config = glue(
        SST2,
        "json:roberta.json",
        steps=20_935,
        encoder={**BASE, **POST_NORM, **DROPOUT, **ROBERTA},
    )
    config.optimizer.learning_rate = 1e-5
    config.optimizer.warmup_steps = 1256
    config.optimizer.b2 = 0.98
    config.optimizer.weight_decay = 0.1
    config.optimizer.clip_norm = 0.0
    config.optimizer.param_groups = ALL_DECAY
    return config
