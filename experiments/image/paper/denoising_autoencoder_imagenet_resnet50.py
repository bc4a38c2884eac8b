r"""Denoising autoencoder on ImageNet: a ResNet-50, a quarter of the values masked.

    python -m ssljax pretrain \
        --config experiments/image/paper/denoising_autoencoder_imagenet_resnet50.py \
        --workdir SHARED/denoising_autoencoder --distributed

No paper: the original (Vincent et al., 2008) is of MNIST's variants, layer by layer, at a masking
of .25 among others. The training is that of the plain autoencoder, for comparison.
Needs: 8 accelerators of 16 GB. Not run here.
"""

from experiments.image.common import imagenet, steps_per_epoch


def get_config():
    """Return the config."""
    config = imagenet("resnet50", batch_size=1024, epochs=100)
    config.objective = {
        "name": "denoising_autoencoder",
        "corruption": "masking",
        "level": 0.25,
        "latent_dim": 128,
        "decoder_width": 32,
        "decoder_doublings": 5,
        "views": {"crop": {"size": 224, "crop_scale": (0.2, 1.0), "flip": 0.5}},
    }
    config.optimizer.learning_rate = 1e-3
    config.optimizer.warmup_steps = 5 * steps_per_epoch(config.batch_size)
    config.optimizer.weight_decay = 0.05
    return config
