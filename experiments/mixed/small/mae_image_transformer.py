r"""MAE of images alone, beside combine_all_transformer.py: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/mixed/small/mae_image_transformer.py \
        --workdir runs/mixed_image

experiments/mixed/common.py says how to prepare the data. The transformer, the decoder and the
compute are those of combine_all_transformer.py, which has two more kinds of data.
"""

from experiments.mixed.common import alone


def get_config():
    """Return the config."""
    return alone("image")
