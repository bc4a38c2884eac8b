r"""CVRL as published: R3D-50, batch 1024, 200 epochs of Kinetics-600.

    python -m ssljax pretrain --config experiments/video/paper/simclr_kinetics600_r3d50.py \
        --workdir SHARED/cvrl --distributed

Paper: 70.4 linear top-1 on Kinetics-600 after 800 epochs (Qian et al. 2021,
https://arxiv.org/abs/2008.03800; README.md of the code, whose file is of 200). Code:
tensorflow/models,
official/projects/video_ssl/configs/experiments/cvrl_pretrain_k600_200ep.yaml,
official/projects/video_ssl/configs/video_ssl.py, .../dataloaders/video_ssl_input.py.
Needs: TPU v3, 64 cores or more.
Not run here. Deviates: boxes as torchvision draws them; symmetric padding; kernels start by He et
al.'s rule on their outputs, in the code by variance_scaling on their inputs; the cosine begins
after the warm-up, in the code under it.
"""

from experiments.video.paper.common import KINETICS_600, videos
from ssljax.training.param_groups import DEFAULT_PARAM_GROUPS

VIEW = {
    "size": 224,
    "crop_scale": (0.3, 1.0),
    "crop_ratio": (0.5, 2.0),
    "flip": 0.5,
    "jitter": "simclr_v2",
    "brightness": 0.8,
    "contrast": 0.8,
    "saturation": 0.8,
    "hue": 0.2,
    "jitter_prob": 0.8,
    "grey_prob": 0.2,
    "blur": "tensorflow",
}


def get_config():
    """Return the config."""
    encoder = {"name": "r3d50", "dtype": "bfloat16"}
    config = videos(KINETICS_600, encoder, batch_size=1024, steps=71_488)
    config.data.clips = 2
    config.objective = {
        "name": "simclr",
        "temperature": 0.1,
        "projector_hidden": (2048, 2048, 2048),
        "projector_dim": 128,
        "views": {
            "one": {**VIEW, "blur_prob": 1.0},
            "two": {**VIEW, "blur_prob": 0.1, "solarize_prob": 0.2},
        },
    }
    config.optimizer.name = "sgd"
    config.optimizer.learning_rate = 0.32
    config.optimizer.warmup_steps = 1787
    config.optimizer.weight_decay = 1e-6
    # Kernels of the encoder decay, those of the projector do not.
    config.optimizer.param_groups = (
        {"name": "projector", "match": "^projector/", "weight_decay": 0.0},
        *DEFAULT_PARAM_GROUPS,
    )
    return config
