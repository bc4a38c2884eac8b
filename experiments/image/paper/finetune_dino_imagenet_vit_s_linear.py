r"""DINO's linear probe with augmentation: ViT-S/16, batch 1024, 100 epochs of ImageNet.

    python -m ssljax finetune --init-from SHARED/dino \
        --config experiments/image/paper/finetune_dino_imagenet_vit_s_linear.py \
        --workdir SHARED/dino_linear --distributed

Paper: 77.0 linear top-1 (Caron et al., 2021, table 2, https://arxiv.org/abs/2104.14294), with the
class tokens of the last four blocks, here that of the last. The values are those of
facebookresearch/dino, eval_linear.py, with its command's 8 GPUs of 128 images.
Needs: 8 GPUs of 16 GB.
Not run here. Deviates: see above; the learning rate falls with every step, there every epoch.
"""

from experiments.image.common import imagenet


def get_config():
    """Return the config."""
    config = imagenet("vit_s", batch_size=1024, epochs=100)
    config.data.labels = True
    config.encoder.update({"positions_interpolation": "bicubic_offset"})
    config.objective = {
        "name": "supervised",
        "freeze_encoder": True,
        "head_std": 0.01,
        "views": {"crop": {"size": 224, "crop_scale": (0.08, 1.0), "flip": 0.5}},
    }
    config.optimizer.name = "sgd"
    config.optimizer.learning_rate = 1e-3
    config.optimizer.scale_by_batch = "linear"
    config.optimizer.momentum = 0.9
    return config
