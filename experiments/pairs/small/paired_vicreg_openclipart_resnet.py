r"""VICReg of drawings of Open Clip Art and their titles: within 20 minutes on two CPU cores.

    python -m ssljax data prepare openclipart
    python -m ssljax pretrain --config experiments/pairs/small/paired_vicreg_openclipart_resnet.py \
        --workdir runs/paired_vicreg

Trained on the drawings without labels, none of which is by a creator of test. After training, the
13 classes of test are told by their names, and drawings and titles found by each other, beside
chance and random init.
"""

from experiments.pairs.common import small, views


def get_config():
    """Return the config."""
    config = small("debian:openclipart", length=64)
    config.data.split = "unlabelled"
    config.objective = {
        "name": "paired_vicreg",
        "projector_dim": 128,
        "projector_hidden": (512,),
        "views": views(flip=0.5),
    }
    return config
