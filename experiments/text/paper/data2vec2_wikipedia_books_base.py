r"""data2vec 2.0 on text as published: batch 64 of 8 masks each, 1,000,000 steps.

    python -m ssljax pretrain --config experiments/text/paper/data2vec2_wikipedia_books_base.py \
        --workdir SHARED/data2vec2 --distributed

Paper: as good on GLUE as a retrained RoBERTa in half the time (Baevski et al., 2022, abstract,
https://arxiv.org/abs/2212.07525). Hyper-parameters: facebookresearch/fairseq,
examples/data2vec/config/v2/base_text_only_task.yaml, lines 17 to 112, and
models/data2vec2.py, lines 81 to 89 (dropout, order of the norms) and 266 (what does not decay).
Needs: 16 GPUs of 32 GB (of 4 texts each, line 17), and the texts.
Not run here. Deviates: bfloat16 compute; a row is one text of up to 512 tokens, where the code cuts
one stream; the teacher averages the vectors of ids and positions too, which the code shares with
the student (line 84); targets are normalised over the components besides; layers of the decoder add
their input, one linear map follows them, and there is no dropout before (lines 104 to 112).
The code's loss is a sum over the 768 components, this a mean over sqrt(768): the bound on the
gradient's norm and Adam's epsilon are scaled accordingly.
"""

from experiments.text.paper.common import BASE, DROPOUT, POST_NORM, ROBERTA, texts


def get_config():
    """Return the config."""
    config = texts(
        "text:wikipedia_books",
        "json:roberta.json",
        steps=1_000_000,
        batch_size=64,
        length=512,
        encoder={**BASE, **POST_NORM, **DROPOUT, **ROBERTA, "token_types": 0},
    )
    config.objective = {
        "name": "data2vec2",
        "masks": 8,
        "mask_ratio": 0.48,
        "mask_block": 1,
        "mask_adjust": 0.0,
        "top_layers": 12,
        "class_weight": 0.0,
        "noise": 0.01,
        "momentum": 0.9999,
        "final_momentum": 0.99999,
        "momentum_steps": 100_000,
        "decoder_width": 768,
        "decoder_depth": 5,
        "decoder_kernel": 9,
        "decoder_groups": 1,
    }
    scale = 768 * 768**0.5
    config.optimizer.learning_rate = 2e-4
    config.optimizer.schedule = "cosine"
    config.optimizer.warmup_steps = 4000
    config.optimizer.b2 = 0.98
    config.optimizer.eps = 1e-6 / scale
    config.optimizer.clip_norm = 1 / scale
    return config
