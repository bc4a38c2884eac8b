r"""Autoencoder on ImageNet: a ResNet-50, 128 numbers for an image of 224 pixels.

    python -m ssljax pretrain --config experiments/image/paper/autoencoder_imagenet_resnet50.py \
        --workdir SHARED/autoencoder --distributed

No paper: the original (Hinton and Salakhutdinov, 2006) is of MNIST and faces, layer by layer. The
training is that of the other reconstructing methods of its kind, for a baseline to them.
Needs: 8 accelerators of 16 GB. Not run here.
"""

from experiments.image.common import imagenet, steps_per_epoch


def get_config():
    """Return the config."""
    config = imagenet("resnet50", batch_size=1024, epochs=100)
    config.objective = {
        "name": "autoencoder",
        "latent_dim": 128,
        "decoder_width": 32,
        "decoder_doublings": 5,
        "views": {"crop": {"size": 224, "crop_scale": (0.2, 1.0), "flip": 0.5}},
    }
    config.optimizer.learning_rate = 1e-3
    config.optimizer.warmup_steps = 5 * steps_per_epoch(config.batch_size)
    config.optimizer.weight_decay = 0.05
    return config
