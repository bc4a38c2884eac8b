r"""ALBERT-base as published: LAMB, batch 4,096, 125,000 steps of Wikipedia and books.

    python -m ssljax pretrain --config experiments/text/paper/albert_wikipedia_books_base.py \
        --workdir SHARED/albert --distributed

Paper: 81.6 on MNLI (Lan et al., 2019, https://arxiv.org/abs/1909.11942; google-research/albert,
README.md, line 41). Hyper-parameters: google-research/albert, run_pretraining.py, lines 68 to 81,
modeling.py, lines 44 to 54.
Needs: 64 TPU chips or more (section 4.1 of the paper), and the texts.
Not run here. Deviates: bfloat16 compute; words are hidden one by one, where the paper hides up to
three together; the sentence head has no dropout.
"""

from experiments.text.paper.common import BASE, POST_NORM, texts


def get_config():
    """Return the config."""
    encoder = {
        **BASE,
        **POST_NORM,
        "activation": "gelu_tanh",
        "embed_width": 128,
        "shared_layers": True,
    }
    config = texts(
        "text:wikipedia_books",
        "json:albert.json",
        steps=125_000,
        batch_size=4096,
        length=512,
        encoder=encoder,
    )
    config.objective = {"name": "albert", "logits_block": 32}
    config.optimizer.name = "lamb"
    config.optimizer.learning_rate = 1.76e-3
    config.optimizer.warmup_steps = 3125
    return config
