r"""BiGAN on Open Clip Art: 50 uniform latent dimensions, as on MNIST; minutes on two CPU cores.

    python -m ssljax data prepare openclipart
    python -m ssljax pretrain --config experiments/image/small/bigan_openclipart_resnet.py \
        --workdir runs/bigan

On MNIST, with MLPs and 400 epochs, the official code's README has 97.35 by the nearest neighbour
(https://github.com/jeffdonahue/bigan). Here it is 34 epochs of 3,020 drawings.
"""

from experiments.image.common import openclipart


def get_config():
    """Return the config."""
    config = openclipart(steps=800)
    config.objective = {
        "name": "bigan",
        "latent_dim": 50,
        "generator_width": 16,
        "generator_doublings": 2,
        "discriminator_width": 32,
        "discriminator_halvings": 2,
        "discriminator_hidden": 256,
        "views": {"crop": {"flip": 0.5}},
    }
    config.optimizer.learning_rate = 5e-4
    config.optimizer.b1 = 0.5
    config.optimizer.weight_decay = 2.5e-5
    return config
