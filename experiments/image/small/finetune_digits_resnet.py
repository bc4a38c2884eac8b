r"""Fine-tuning on scikit-learn's digits of the quickstart's run on them: a minute on two CPU cores.

    python -m ssljax pretrain --config experiments/quickstart.py:sklearn:digits \
        --workdir runs/digits
    python -m ssljax finetune --init-from runs/digits \
        --config experiments/image/small/finetune_digits_resnet.py --workdir runs/digits_finetuned

With few labels, beside a linear probe and training from scratch:

    python -m ssljax finetune --init-from runs/digits --few-labels 1,2,5,10,10% --draws 3 \
        --config experiments/image/small/finetune_digits_resnet.py --workdir runs/digits_few
"""

from experiments.quickstart import DIGITS
from experiments.quickstart import get_config as quickstart


def get_config():
    """Return the config."""
    config = quickstart(DIGITS)
    config.steps = 150
    config.batch_size = 64
    config.data.labels = True
    config.objective = {
        "name": "supervised",
        "smoothing": 0.1,
        "views": {"crop": {"crop_scale": (0.5, 1.0)}},
    }
    config.optimizer.learning_rate = 1e-3
    config.optimizer.warmup_steps = 15
    config.optimizer.weight_decay = 0.05
    config.optimizer.layer_decay = 0.75
    return config
