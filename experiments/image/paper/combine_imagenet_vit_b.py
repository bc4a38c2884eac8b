r"""SimCLR and MAE together, sharing a ViT-B/16: batch 4096, 300 epochs of ImageNet.

    python -m ssljax pretrain --config experiments/image/paper/combine_imagenet_vit_b.py \
        --workdir SHARED/combine --distributed

An example of combining tasks at scale; no paper, so there is no number to reproduce. Optimizer and
schedule are those of MAE (https://arxiv.org/abs/2111.06377), the contrastive views those of SimCLR
(https://arxiv.org/abs/2002.05709).
Needs: three passes of a ViT-B per image, one of them over a quarter of the patches.
Not run here.
"""

from experiments.image.augmentation import SIMCLR
from experiments.image.common import TIMM, imagenet, steps_per_epoch


def get_config():
    """Return the config."""
    config = imagenet("vit_b", batch_size=4096, epochs=300)
    config.encoder["positions"] = "sincos"
    config.objective = {
        "name": "combine",
        "weights": {"simclr": 1.0, "mae": 1.0},
        "tasks": {
            "simclr": {
                "name": "simclr",
                "temperature": 0.1,
                "projector_hidden": (2048,),
                "views": SIMCLR,
            },
            "mae": {
                "name": "mae",
                "views": {
                    "crop": {
                        "size": 224,
                        "crop_scale": (0.2, 1.0),
                        "interpolation": "bicubic",
                        "flip": 0.5,
                    }
                },
            },
        },
    }
    config.optimizer.learning_rate = 1.5e-4
    config.optimizer.scale_by_batch = "linear"
    config.optimizer.b2 = 0.95
    config.optimizer.weight_decay = 0.05
    config.optimizer.warmup_steps = 40 * steps_per_epoch(config.batch_size)
    config.optimizer.param_groups = TIMM
    return config
