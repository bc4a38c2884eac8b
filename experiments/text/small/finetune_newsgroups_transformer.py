r"""Fine-tuning on 20 Newsgroups with few labels: a minute on one CPU core for a draw.

    python -m ssljax pretrain --config experiments/text/small/gpt_newsgroups_transformer.py \
        --workdir runs/gpt
    python -m ssljax finetune --init-from runs/gpt \
        --config experiments/text/small/finetune_newsgroups_transformer.py --workdir runs/gpt_few \
        --few-labels 10 --draws 3

It prints a linear probe, fine-tuning and the same training from scratch, on the same labels.
"""

from experiments.text.common import GPT_TINY, newsgroups


def get_config():
    """Return the config."""
    config = newsgroups(GPT_TINY, steps=100)
    config.data.labels = True
    config.objective = {"name": "supervised", "smoothing": 0.1}
    config.optimizer.learning_rate = 1e-3
    return config
