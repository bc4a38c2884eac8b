r"""SimSiam on Open Clip Art: minutes on two CPU cores.

    python -m ssljax data prepare openclipart
    python -m ssljax pretrain --config experiments/image/small/simsiam_openclipart_resnet.py \
        --workdir runs/simsiam
"""

from experiments.image.common import CLIPART_PAIR, openclipart
from ssljax.training.param_groups import DEFAULT_PARAM_GROUPS


def get_config():
    """Return the config."""
    config = openclipart(steps=400)
    config.objective = {
        "name": "simsiam",
        "projector_hidden": (512, 512),
        "projector_dim": 512,
        "predictor_hidden": (128,),
        "views": CLIPART_PAIR,
    }
    predictor = {"name": "predictor", "match": "^predictor/", "learning_rate_schedule": "constant"}
    config.optimizer.param_groups = (predictor, *DEFAULT_PARAM_GROUPS)
    return config
