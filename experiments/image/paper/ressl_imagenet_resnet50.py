r"""ReSSL as published: ResNet-50, batch 256, 200 epochs of ImageNet.

    python -m ssljax pretrain --config experiments/image/paper/ressl_imagenet_resnet50.py \
        --workdir SHARED/ressl --distributed

Paper: 69.9 linear top-1 with one strong view; 74.7 with five crops (Zheng et al., 2021,
https://arxiv.org/abs/2107.09282).
Needs: 8 GPUs.
Not run here. Deviates: bfloat16 compute, and running batch statistics are those of all eight
groups.
"""

from experiments.image.common import imagenet, steps_per_epoch

# By their names in PyTorch: no decay of what has "bn" or "bias" in it (ressl.py). The scales of the
# norms of shortcuts, "downsample.1.weight", do decay.
RULES = (
    {"name": "no_decay", "match": r"/bias$|/(stem_norm|norm_\d+)/scale$", "weight_decay": 0.0},
    {"name": "rest", "match": ".*"},
)

CROP = {"size": 224, "crop_scale": (0.2, 1.0), "flip": 0.5}
COLOUR = {
    "brightness": 0.4,
    "contrast": 0.4,
    "saturation": 0.4,
    "hue": 0.1,
    "jitter_prob": 0.8,
    "grey_prob": 0.2,
    "blur": "pillow",
    "blur_prob": 0.5,
}


def get_config():
    """Return the config."""
    config = imagenet("resnet50", batch_size=256, epochs=200)
    config.encoder["zero_init"] = False
    config.encoder["bn_groups"] = 8  # batch statistics of 32 images, as on each of 8 devices
    config.objective = {
        "name": "ressl",
        "temperature": 0.1,
        "teacher_temperature": 0.04,
        "momentum": 0.999,
        "queue_size": 131072,
        "projector_hidden": (4096,),
        "projector_dim": 512,
        "projector_norm": False,
        "views": {"strong": {**CROP, **COLOUR}, "weak": CROP},
    }
    config.optimizer.name = "sgd"
    config.optimizer.learning_rate = 0.05  # for the batch of 256 as it is
    config.optimizer.warmup_steps = 5 * steps_per_epoch(config.batch_size)
    config.optimizer.weight_decay = 1e-4
    config.optimizer.param_groups = RULES
    return config
