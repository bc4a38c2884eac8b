r"""SimCLR on cells of solar modules, for finding the defective ones: minutes on two CPU cores.

    python -m ssljax data prepare elpv --accept-licence
    python -m ssljax pretrain --config experiments/image/small/simclr_elpv_resnet.py \
        --workdir runs/elpv
    python -m experiments.image.defects runs/elpv

A crop shows most of a cell, so that both views of a defective one show its defect.
"""

from experiments.image.common import elpv


def get_config():
    """Return the config."""
    config = elpv()
    config.objective = {
        "name": "simclr",
        "temperature": 0.2,
        "projector_hidden": (512,),
        "views": {
            "crop": {
                "count": 2,
                "crop_scale": (0.5, 1.0),
                "flip": 0.5,
                "brightness": 0.4,
                "contrast": 0.4,
            }
        },
    }
    return config
