r"""M3AE of drawings of Open Clip Art with titles and keywords: within 20 minutes on two CPU cores.

    python -m ssljax data prepare openclipart
    python -m ssljax pretrain --config experiments/pairs/small/m3ae_openclipart_vit.py \
        --workdir runs/m3ae
    python -m ssljax evaluate --workdir runs/m3ae --config.evaluation.output=text

Trained on the drawings without labels, none of which is by a creator of test. After training the
images are evaluated; the last command evaluates the texts. To be compared with
experiments/image/small/mae_openclipart_vit.py, of the same encoder and about as much computation on
images alone.
"""

from experiments.image.common import CLIPART_VIT
from experiments.pairs.common import small


def get_config():
    """Return the config."""
    config = small("debian:openclipart", length=64)
    config.steps = 1200
    config.data.split = "unlabelled"
    config.encoder = dict(CLIPART_VIT)
    width = CLIPART_VIT["width"]
    config.encoders = {"text": {"name": "word_vectors", "width": width, "deviation": 1.0}}
    config.objective = {
        "name": "m3ae",
        "normalize_targets": True,  # as the MAE to compare with
        "decoder_width": 64,
        "decoder_depth": 2,
        "decoder_heads": 4,
        "views": {"crop": {"crop_scale": (0.4, 1.0), "flip": 0.5}},
    }
    config.optimizer.warmup_steps = 120
    config.optimizer.weight_decay = 0.05
    config.optimizer.b2 = 0.95
    config.checkpoint.every = 500
    config.evaluation.probes = ("knn", "linear")
    config.evaluation.protocols = {"shift": {"probe": "knn"}}
    return config
