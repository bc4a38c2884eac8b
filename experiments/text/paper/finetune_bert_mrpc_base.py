r"""BERT-base fine-tuned on MRPC, pairs of sentences, as published: batch 32, 3 epochs, 128 tokens.

    python -m ssljax import --from hf bert-base-uncased --workdir SHARED/bert
    python -m ssljax finetune --init-from SHARED/bert \
        --config experiments/text/paper/finetune_bert_mrpc_base.py --workdir SHARED/bert_mrpc

Published: 84.6 accuracy on dev, with other seeds from 84 to 88 (google-research/bert, README.md,
lines 439 to 468; the paper's table 1 has F1 on test, https://arxiv.org/abs/1810.04805).
Hyper-parameters: README.md, lines 448 to 451, and the files that finetune_bert_sst2_base.py names.
A pair is `[CLS] A [SEP] B [SEP]` with the types 0 and 1, and the longer sentence is cut first:
run_classifier.py, lines 402 to 441 and 557 to 571.
Needs: a GPU for minutes; MRPC of GLUE as JSON lines: `{"first": "...", "second": "...", "label":
1}` in mrpc/train.jsonl, and dev in mrpc/test.jsonl.
Not run here. Deviates: as finetune_bert_sst2_base.py.
"""

from experiments.text.paper.common import BASE, DROPOUT, MRPC, MRPC_EXAMPLES, POST_NORM, glue


def get_config():
    """Return the config."""
    steps = 3 * MRPC_EXAMPLES // 32
    config = glue(
        MRPC,
        "wordpiece:vocab.txt",
        steps=steps,
        encoder={**BASE, **POST_NORM, **DROPOUT, "activation": "gelu_tanh"},
    )
    config.optimizer.learning_rate = 2e-5
    config.optimizer.warmup_steps = steps // 10
    return config
