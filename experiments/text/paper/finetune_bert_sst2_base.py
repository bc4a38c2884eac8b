r"""BERT-base fine-tuned on SST-2 as published: batch 32, 3 epochs, 128 tokens.

    python -m ssljax import --from hf bert-base-uncased --workdir SHARED/bert
    python -m ssljax finetune --init-from SHARED/bert \
        --config experiments/text/paper/finetune_bert_sst2_base.py --workdir SHARED/bert_sst2

Paper: 93.5 accuracy on test (Devlin et al., 2018, table 1, https://arxiv.org/abs/1810.04805; also
the card of the released weights, google-bert/bert-base-uncased, "Evaluation results").
Hyper-parameters: google-research/bert, run_classifier.py, lines 65 and 78 to 90 (length, batch,
epochs, warm-up) and 577 to 606 (pooler, head, dropout), README.md, line 450 (rate; the paper takes
the best of four, section A.3), optimization.py, lines 32 to 74 (Adam, decay, clipping).
Needs: a GPU for half an hour; SST-2 of GLUE as JSON lines: `{"sentence": "...", "label": 1}` in
sst2/train.jsonl, and sst2/test.jsonl, which the paper's server has the labels of: take GLUE's
dev.tsv for it.
Not run here. Deviates: bfloat16 compute; Adam corrects the first moments for their start, which the
official code does not (optimization.py, lines 128 to 152); the kernel of the head is not cut at two
deviations.
"""

from experiments.text.paper.common import BASE, DROPOUT, POST_NORM, SST2, SST2_EXAMPLES, glue


def get_config():
    """Return the config."""
    steps = 3 * SST2_EXAMPLES // 32
    config = glue(
        SST2,
        "wordpiece:vocab.txt",
        steps=steps,
        encoder={**BASE, **POST_NORM, **DROPOUT, "activation": "gelu_tanh"},
    )
    config.optimizer.learning_rate = 2e-5
    config.optimizer.warmup_steps = steps // 10
    return config
