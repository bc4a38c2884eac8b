r"""VAE on ImageNet at 64 pixels: a ResNet-50, 128 latent dimensions.

    python -m ssljax pretrain --config experiments/image/paper/vae_imagenet_resnet50.py \
        --workdir SHARED/vae --distributed

No paper: the VAE (Kingma and Welling, 2013) is of MNIST and faces, and beta-VAE (Higgins et al.,
2017) of faces and chairs at 64 pixels, from which come the size and Adam at 1e-4. With
`--config.objective.beta=4` it is a beta-VAE.
Needs: one accelerator of 16 GB. Not run here.
"""

from experiments.image.common import imagenet


def get_config():
    """Return the config."""
    config = imagenet("resnet50", batch_size=256, epochs=100, square=64)
    config.evaluation.resize = config.evaluation.size = 64
    config.encoder.stem = "small_stride2"
    config.objective = {
        "name": "vae",
        "beta": 1.0,
        "likelihood": "gaussian",
        "latent_dim": 128,
        "decoder_width": 64,
        "decoder_doublings": 4,
        "views": {"crop": {"size": 64, "flip": 0.5}},
    }
    config.optimizer.learning_rate = 1e-4
    config.optimizer.schedule = "constant"
    return config
