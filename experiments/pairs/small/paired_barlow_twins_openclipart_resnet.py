r"""Barlow Twins of drawings of Open Clip Art and their titles: minutes on two CPU cores.

    python -m ssljax data prepare openclipart
    python -m ssljax pretrain \
        --config experiments/pairs/small/paired_barlow_twins_openclipart_resnet.py \
        --workdir runs/paired_barlow_twins

Trained on the drawings without labels, none of which is by a creator of test. After training, the
13 classes of test are told by their names, and drawings and titles found by each other, beside
chance and random init.
"""

from experiments.pairs.common import openclipart


def get_config():
    """Return the config."""
    return openclipart(name="paired_barlow_twins", projector_hidden=(512,))
