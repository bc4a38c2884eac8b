r"""Denoising autoencoder on Open Clip Art, a quarter of pixels masked; minutes on two CPU cores.

    python -m ssljax data prepare openclipart
    python -m ssljax pretrain \
        --config experiments/image/small/denoising_autoencoder_openclipart_resnet.py \
        --workdir runs/denoising_autoencoder
"""

from experiments.image.common import openclipart


def get_config():
    """Return the config."""
    config = openclipart(steps=800)
    config.objective = {
        "name": "denoising_autoencoder",
        "corruption": "masking",
        "level": 0.25,
        "latent_dim": 64,
        "decoder_width": 16,
        "decoder_doublings": 2,
        "views": {"crop": {"crop_scale": (0.5, 1.0), "flip": 0.5}},
    }
    config.optimizer.learning_rate = 1e-3
    return config
