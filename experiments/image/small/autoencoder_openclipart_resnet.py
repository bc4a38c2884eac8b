r"""Autoencoder on Open Clip Art: 64 numbers for an image; minutes on two CPU cores.

    python -m ssljax data prepare openclipart
    python -m ssljax pretrain --config experiments/image/small/autoencoder_openclipart_resnet.py \
        --workdir runs/autoencoder
"""

from experiments.image.common import openclipart


def get_config():
    """Return the config."""
    config = openclipart(steps=800)
    config.objective = {
        "name": "autoencoder",
        "latent_dim": 64,
        "decoder_width": 16,
        "decoder_doublings": 2,
        "views": {"crop": {"crop_scale": (0.5, 1.0), "flip": 0.5}},
    }
    config.optimizer.learning_rate = 1e-3
    return config
