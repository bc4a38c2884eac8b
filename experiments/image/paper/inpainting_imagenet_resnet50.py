r"""Inpainting on ImageNet with ResNet-50: 100,000 steps, a random quarter of every image hidden.

    python -m ssljax pretrain --config experiments/image/paper/inpainting_imagenet_resnet50.py \
        --workdir SHARED/inpainting --distributed

Paper: Pathak et al. (2016), table 2, https://arxiv.org/abs/1604.07379, trained AlexNet for 100,000
iterations: 44.5 mAP in detection on Pascal VOC 2007, 56.5 in classification. Both are of fine-tuned
networks: `ssljax` cannot do that, and has no number to compare.
Needs: 8 TPU v3 cores or 8 GPUs, a day.
Not run here. As the paper for features: random regions, no discriminator (with AlexNet the game did
not converge), Adam. Deviates: ResNet-50, one square for the region, batches of 256, and a cosine of
ten times the official learning rate of the discriminator, which its code gives the generator.
"""

from experiments.image.common import imagenet


def get_config():
    """Return the config."""
    config = imagenet("resnet50", batch_size=256, epochs=1, square=256)
    config.steps = 100_000
    config.objective = {
        "name": "inpainting",
        "views": {
            "crop": {
                "size": 224,
                "crop_scale": (0.7656, 0.7656),  # 224 of 256 pixels
                "crop_ratio": (1.0, 1.0),
                "flip": 0.5,
            }
        },
        "region": "random",
        "adversarial_weight": 0.0,
    }
    config.optimizer.learning_rate = 2e-3
    config.optimizer.b1 = 0.5
    config.optimizer.warmup_steps = 1000
    return config
