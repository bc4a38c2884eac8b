r"""Fine-tuning of a small vision transformer on Open Clip Art with few labels.

    python -m ssljax pretrain --config experiments/image/small/mae_openclipart_vit.py \
        --workdir runs/mae
    python -m ssljax finetune --init-from runs/mae \
        --config experiments/image/small/finetune_openclipart_vit.py --workdir runs/mae_few \
        --few-labels 10 --draws 3

All but the encoder is as in `finetune_openclipart_resnet.py`.
"""

from experiments.image.common import CLIPART_VIT
from experiments.image.small.finetune_openclipart_resnet import get_config as of_resnet


def get_config():
    """Return the config."""
    return of_resnet(CLIPART_VIT)
