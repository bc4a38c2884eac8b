r"""SimSiam on Fashion-MNIST: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/image/small/simsiam_fashion_mnist_resnet.py \
        --workdir runs/simsiam
"""

from experiments.image.common import PAIR, fashion_mnist
from ssljax.training.param_groups import DEFAULT_PARAM_GROUPS


def get_config():
    """Return the config."""
    config = fashion_mnist()
    config.objective = {
        "name": "simsiam",
        "projector_hidden": (512, 512),
        "projector_dim": 512,
        "predictor_hidden": (128,),
        "views": PAIR,
    }
    predictor = {"name": "predictor", "match": "^predictor/", "learning_rate_schedule": "constant"}
    config.optimizer.param_groups = (predictor, *DEFAULT_PARAM_GROUPS)
    return config
