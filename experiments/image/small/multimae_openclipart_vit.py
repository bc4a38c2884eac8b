r"""MultiMAE on Open Clip Art and the edges of its images: minutes on two CPU cores.

    python -m ssljax data prepare openclipart
    python -m ssljax pretrain --config experiments/image/small/multimae_openclipart_vit.py \
        --workdir runs/multimae

A small vision transformer sees a quarter of the patches of an image and of its edges, which are
made of the view on the device. Evaluation shows it images alone. To be compared with
mae_openclipart_vit.py.
"""

from experiments.image.common import CLIPART_VIT, openclipart


def get_config():
    """Return the config."""
    config = openclipart(CLIPART_VIT, steps=800)
    config.objective = {
        "name": "multimae",
        "decoder_width": 64,
        "decoder_depth": 2,
        "decoder_heads": 4,
        "views": {"crop": {"crop_scale": (0.4, 1.0), "flip": 0.5}},
    }
    config.optimizer.b2 = 0.95
    return config
