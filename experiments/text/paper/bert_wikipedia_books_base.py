r"""BERT-base as published: batch 256, 1,000,000 steps of Wikipedia and books.

    python -m ssljax pretrain --config experiments/text/paper/bert_wikipedia_books_base.py \
        --workdir SHARED/bert --distributed

Paper: 79.6 on GLUE (Devlin et al., 2018, table 1, https://arxiv.org/abs/1810.04805; also the card
of the released weights, google-bert/bert-base-uncased, "Evaluation results"). Hyper-parameters:
section A.2 of the paper and "Pretraining" of the card; google-research/bert, optimization.py, lines
32 to 74 (Adam, decay, clipping), modeling.py, lines 41 to 45 (dropout, initial values) and 275
(GELU by tanh).
Needs: 16 TPU chips for 4 days (section A.2), and the texts, one document or passage a line.
Not run here. Deviates: bfloat16 compute; 512 tokens in all steps, where the paper has 128 in the
first 900,000; pairs are cut out of one text and masks are new in every step, see
`ssljax/objectives/language/bert.py`; kernels start from a normal distribution that is not cut at
two deviations; Adam corrects its moments for their start (optimization.py, lines 128 to 152).
"""

from experiments.text.paper.common import BASE, DROPOUT, POST_NORM, texts


def get_config():
    """Return the config."""
    encoder = {**BASE, **POST_NORM, **DROPOUT, "activation": "gelu_tanh"}
    config = texts(
        "text:wikipedia_books",
        "wordpiece:vocab.txt",
        steps=1_000_000,
        batch_size=256,
        length=512,
        encoder=encoder,
    )
    config.objective = {"name": "bert"}
    config.optimizer.learning_rate = 1e-4
    config.optimizer.warmup_steps = 10_000
    return config
