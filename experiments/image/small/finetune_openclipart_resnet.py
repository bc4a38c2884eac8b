r"""Fine-tuning on Open Clip Art with few labels: two minutes on two CPU cores for a draw.

    python -m ssljax pretrain --config experiments/image/small/simclr_openclipart_resnet.py \
        --workdir runs/simclr
    python -m ssljax finetune --init-from runs/simclr \
        --config experiments/image/small/finetune_openclipart_resnet.py --workdir runs/simclr_few \
        --few-labels 10 --draws 3

It prints a linear probe, fine-tuning and the same training from scratch, on the same labels.
"""

from experiments.image.common import CLIPART_CROP, CLIPART_RESNET, openclipart


def get_config(encoder=CLIPART_RESNET):
    """Return the config."""
    config = openclipart(encoder, steps=300)
    config.batch_size = 64
    config.data.split = "train"
    config.data.labels = True
    config.objective = {
        "name": "supervised",
        "smoothing": 0.1,
        "views": {"crop": {**CLIPART_CROP, "crop_scale": (0.4, 1.0)}},
    }
    config.optimizer.learning_rate = 1e-3
    config.optimizer.layer_decay = 0.75
    return config
