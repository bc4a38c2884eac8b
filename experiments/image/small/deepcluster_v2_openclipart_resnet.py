r"""DeepCluster-v2 on Open Clip Art: minutes on two CPU cores.

    python -m ssljax data prepare openclipart
    python -m ssljax pretrain \
        --config experiments/image/small/deepcluster_v2_openclipart_resnet.py \
        --workdir runs/deepcluster_v2
"""

from experiments.image.common import CLIPART_PAIR, openclipart


def get_config():
    """Return the config."""
    config = openclipart(steps=400)  # 17 epochs: the first learns from random features
    config.objective = {
        "name": "deepcluster_v2",
        "prototypes": (64, 64, 64),
        "projector_hidden": (512,),
        "views": CLIPART_PAIR,
    }
    return config
