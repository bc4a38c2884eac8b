r"""MAE on slices of one brain in MRI: minutes on two CPU cores. A demonstration: it is one brain.

    python -m ssljax data prepare mricron
    python -m ssljax pretrain --config experiments/image/small/mae_mricron_vit.py \
        --workdir runs/mri
    python -m ssljax evaluate --workdir runs/mri --protocol segmentation

A linear head on the tokens then names the regions of the slices of test, which lie apart from
those of train.
"""

from experiments.image.common import VIT, fashion_mnist


def get_config():
    """Return the config."""
    config = fashion_mnist({**VIT, "patch_size": 8, "image_size": 112, "width": 96}, steps=1000)
    config.batch_size = 32
    config.data.source = "debian:mricron"
    config.objective = {
        "name": "mae",
        "mask_ratio": 0.75,
        "decoder_width": 64,
        "decoder_depth": 2,
        "decoder_heads": 4,
        "views": {"crop": {"crop_scale": (0.6, 1.0), "flip": 0.5}},
    }
    config.optimizer.b2 = 0.95
    config.evaluation.final = False  # labels are masks: k-NN has no use for them
    return config
