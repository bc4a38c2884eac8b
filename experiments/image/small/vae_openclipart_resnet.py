r"""VAE on Open Clip Art: 32 latent dimensions, pixels as probabilities; minutes on two CPU cores.

    python -m ssljax data prepare openclipart
    python -m ssljax pretrain --config experiments/image/small/vae_openclipart_resnet.py \
        --workdir runs/vae

With `--config.objective.beta=4` it is a beta-VAE.
"""

from experiments.image.common import openclipart


def get_config():
    """Return the config."""
    config = openclipart(steps=800)
    config.objective = {
        "name": "vae",
        "beta": 1.0,
        "likelihood": "bernoulli",
        "latent_dim": 32,
        "decoder_width": 16,
        "decoder_doublings": 2,
        "views": {"crop": {"crop_scale": (0.5, 1.0), "flip": 0.5}},
    }
    config.optimizer.learning_rate = 1e-3
    return config
