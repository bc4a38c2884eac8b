r"""SigLIP of drawings of Open Clip Art with titles and keywords: minutes on two CPU cores.

    python -m ssljax data prepare openclipart
    python -m ssljax pretrain --config experiments/pairs/small/siglip_openclipart_resnet.py \
        --workdir runs/siglip

Trained on the drawings without labels, none of which is by a creator of test. After training, the
13 classes of test are told by their names, and drawings and texts found by each other, beside
chance and random init.
"""

from experiments.pairs.common import openclipart


def get_config():
    """Return the config."""
    return openclipart(name="siglip")
