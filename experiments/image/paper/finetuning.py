"""What recipes of fine-tuning on ImageNet have in common: those of MAE and BEiT, and what others
changed of them.

facebookresearch/mae, main_finetune.py; microsoft/unilm, beit/run_class_finetuning.py.
"""

from ml_collections import ConfigDict

from experiments.image.common import TIMM, imagenet, steps_per_epoch

CROP = {"size": 224, "crop_scale": (0.08, 1.0), "interpolation": "bicubic", "flip": 0.5}


def finetuning(
    encoder: str,
    *,
    epochs: int,
    learning_rate: float,
    layer_decay: float,
    drop_path: float,
    batch_size: int = 1024,
    warmup_epochs: int = 5,
    least_rate: float = 1e-6,
) -> ConfigDict:
    """Return the config of a fine-tuning on ImageNet-1k at 224 pixels.

    The features are the mean of tokens that no norm has seen, and a fresh norm of that mean.

    Args:
      encoder: its name.
      epochs: of the whole run.
      learning_rate: for 256 images.
      layer_decay: of the learning rate from layer to layer.
      drop_path: of the last layer.
      batch_size: of a step.
      warmup_epochs: in which the learning rate rises from 0.
      least_rate: at the end.
    """
    config = imagenet(encoder, batch_size=batch_size, epochs=epochs)
    config.data.labels = True
    # Said, since what a file does not say of the encoder is that of the run it starts from.
    config.encoder.update(
        {"positions": "learned", "pool": "mean", "norm_pooled": True, "drop_path": drop_path}
    )
    config.objective = {
        "name": "supervised",
        "smoothing": 0.1,
        "mixup": 0.8,
        "cutmix": 1.0,
        "head_std": 2e-5,
        "views": {"crop": CROP},
    }
    config.optimizer.name = "adamw"
    config.optimizer.learning_rate = learning_rate
    config.optimizer.scale_by_batch = "linear"
    config.optimizer.warmup_steps = warmup_epochs * steps_per_epoch(batch_size)
    config.optimizer.final_scale = least_rate / (learning_rate * batch_size / 256)
    config.optimizer.weight_decay = 0.05
    config.optimizer.layer_decay = layer_decay
    # No array of one dimension decays, nor do the class token and positions
    # (no_weight_decay of timm's vision transformer).
    config.optimizer.param_groups = (
        {"name": "tokens", "match": "^encoder/(cls_token|pos_embed)$", "weight_decay": 0.0},
        *TIMM,
    )
    return config
