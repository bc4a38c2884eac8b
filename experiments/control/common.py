"""What the experiments on pixel observations have in common: CURL's crops and encoder."""

from ml_collections import ConfigDict

from ssljax.training.config import default_config

# 84 of 100 pixels at a side, anywhere: utils.py of MishaLaskin/curl, random_crop.
CROPS = {"count": 2, "size": 84, "crop_scale": (0.7056, 0.7056), "crop_ratio": (1.0, 1.0)}


def curl(source: str) -> ConfigDict:
    """Return a config of CURL on observations of 100 pixels, three of them as channels.

    MishaLaskin/curl at 8416d6e: train.py, lines 25 to 70 (sizes, stack, 4 layers of 32 filters, 50
    features, rate 1e-3, tau 0.05) and encoder.py.
    """
    config = default_config()
    config.data.source = source
    config.encoder = {"name": "pixel_convolutions", "channels": 32, "depth": 4, "out": 50}
    config.objective = {"name": "curl", "momentum": 0.95, "views": {"crop": dict(CROPS)}}
    config.optimizer.name = "adamw"
    config.optimizer.learning_rate = 1e-3
    config.optimizer.warmup_steps = 0
    config.optimizer.schedule = "constant"
    config.optimizer.weight_decay = 0.0
    # The middle of an observation, as an agent is shown it.
    config.evaluation.resize, config.evaluation.size = 100, 84
    config.evaluation.probes = ()
    config.evaluation.protocols = {"regression": {}}
    return config


def lewm(source: str, image_size: int) -> ConfigDict:
    """Return a config of LeWM on windows of episodes, of frames of so many pixels.

    lucas-maes/le-wm at 00f4823: config/train/lewm.yaml (rate 5e-5, decay 1e-3, clipped at 1, batch
    128, weight .09) and config/train/model/lewm.yaml (ViT-Ti of patches of 14, history 3).
    """
    config = default_config()
    config.data.source = source
    config.encoder = {
        "name": "video_transformer",
        "tubelet": 1,
        "frames": 1,
        "patch_size": 14,
        "image_size": image_size,
        "width": 192,
        "depth": 12,
        "heads": 3,
        "positions": "learned",
        "class_token": True,
        "pool": "cls",
    }
    config.encoders = {"action": {"name": "step_mlp"}}
    config.objective = {"name": "lewm"}
    config.batch_size = 128
    config.optimizer.name = "adamw"
    config.optimizer.learning_rate = 5e-5
    config.optimizer.weight_decay = 1e-3
    config.optimizer.clip_norm = 1.0
    config.evaluation.probes = ()
    config.evaluation.protocols = {"regression": {}, "rollout": {}}
    return config
