r"""Fine-tuning on Fashion-MNIST of the MAE of `mae_fashion_mnist_vit.py`: minutes on two cores.

    python -m ssljax pretrain --config experiments/image/small/mae_fashion_mnist_vit.py \
        --workdir runs/mae
    python -m ssljax finetune --init-from runs/mae \
        --config experiments/image/small/finetune_mae_fashion_mnist_vit.py --workdir runs/finetuned

Beside it, the same from scratch: `pretrain` instead of `finetune`, without --init-from.
"""

from experiments.image.common import VIT, fashion_mnist


def get_config():
    """Return the config."""
    config = fashion_mnist({**VIT, "drop_path": 0.1}, steps=600)
    config.data.labels = True
    config.objective = {
        "name": "supervised",
        "smoothing": 0.1,
        "mixup": 0.2,
        "cutmix": 0.2,
        "views": {"crop": {"crop_scale": (0.5, 1.0), "flip": 0.5}},
    }
    config.optimizer.layer_decay = 0.75
    return config
