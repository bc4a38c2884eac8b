"""What the experiments on images have in common: the data, a small encoder, the length of an epoch.

Open Clip Art, for which every method has a config: 3,020 drawings in colour, brought to 32x32
pixels, of which 1,169 are of 13 classes, and other creators in test. `ssljax data prepare
openclipart` makes it. All methods get the same encoder of their kind, where they can. Eight are
trained for 1,200 steps and MAE for 2,400, within 20 minutes on two CPU cores; the others for
400 steps of two views or 800 of one, so that all of them together take three hours.

Fashion-MNIST: 60,000 images of 28x28 pixels, 10 classes; minutes on two CPU cores. ImageNet-1k:
what the papers used; `ssljax data prepare imagenet2012` says how to get it.
"""

from ml_collections import ConfigDict

from ssljax.training.config import default_config
from ssljax.training.param_groups import DEFAULT_PARAM_GROUPS

IMAGENET_EXAMPLES = 1_281_167

RESNET = {
    "name": "resnet",
    "stage_sizes": (1, 1, 1),
    "width": 16,
    "stem": "small_stride2",
    "pool": 2,
}
VIT = {
    "name": "vit",
    "patch_size": 7,
    "image_size": 28,
    "width": 64,
    "depth": 4,
    "heads": 4,
    "positions": "sincos",
    "pool": "mean",
}
CLIPART_RESNET = {**RESNET, "width": 32}
CLIPART_VIT = {**VIT, "patch_size": 4, "image_size": 32, "width": 96}
CLIPART_VIT8 = {**CLIPART_VIT, "patch_size": 8}  # where the encoder sees all tokens
# Two crops that keep what tells clothes apart: shape and shade, but not which side it faces.
CROP = {"crop_scale": (0.2, 1.0), "flip": 0.5, "brightness": 0.4, "contrast": 0.4}
PAIR = {"crop": {"count": 2, **CROP}}

# Drawings differ in colour, and a crop that is wide enough shows what they are of.
CLIPART_CROP = {
    "crop_scale": (0.2, 1.0),
    "flip": 0.5,
    "brightness": 0.4,
    "contrast": 0.4,
    "saturation": 0.4,
    "hue": 0.1,
    "jitter_prob": 0.8,
    "grey_prob": 0.2,
}
CLIPART_PAIR = {"crop": {"count": 2, **CLIPART_CROP}}

# Parameter groups. PyTorch's SGD and LARC treat biases and norms like all else; the AdamW of timm
# and of DINO decays tokens and positions, but no array of one dimension. SimCLR adds the losses of
# the two views, which doubles the gradient: what LARS does not adapt takes steps twice as long.
ALL_ALIKE = ({"name": "all", "match": ".*"},)
TIMM = (
    {"name": "no_decay", "match": r"(^|/)(bias|scale|gamma)$", "weight_decay": 0.0},
    {"name": "rest", "match": ".*"},
)
SIMCLR_LARS = ({**DEFAULT_PARAM_GROUPS[0], "learning_rate_scale": 2.0}, DEFAULT_PARAM_GROUPS[1])


def fashion_mnist(encoder: dict = RESNET, *, steps: int = 400) -> ConfigDict:
    """Return a config for Fashion-MNIST, all but the objective."""
    config = default_config()
    config.steps = steps
    config.batch_size = 128
    config.data.source = "tfds:fashion_mnist"
    config.encoder = dict(encoder)
    config.optimizer.learning_rate = 3e-3 if encoder["name"] == "resnet" else 1e-3
    config.optimizer.warmup_steps = steps // 10
    config.optimizer.weight_decay = 1e-4 if encoder["name"] == "resnet" else 0.05
    config.checkpoint.every = 500
    return config


def openclipart(encoder: dict = CLIPART_RESNET, *, steps: int = 1200) -> ConfigDict:
    """Return a config for Open Clip Art at 32 pixels, all but the objective.

    It is trained on all drawings of creators that are neither in validation nor in test. Its
    evaluation also compares creators that were never seen with new drawings of known ones.
    """
    config = fashion_mnist(encoder, steps=steps)
    config.data.source = "debian:openclipart"
    config.data.split = "unlabelled"
    config.data.image_size = 32
    config.evaluation.protocols = {"shift": {"probe": "knn"}}
    return config


def elpv() -> ConfigDict:
    """Return a config for solar cells at 64 pixels, all but the objective."""
    config = fashion_mnist({**CLIPART_RESNET, "stem": "imagenet"}, steps=600)
    config.data.source = "pypi:elpv"
    config.data.image_size = 64
    config.evaluation.protocols = {"anomaly": {"normal": 0}}
    return config


def imagenet(encoder: str, *, batch_size: int, epochs: int, square: int = 0) -> ConfigDict:
    """Return a config for ImageNet-1k at 224 pixels, all but objective, optimizer and views.

    Args:
      encoder: its name.
      batch_size: of a step.
      epochs: of the whole run.
      square: pixels of a side of the central square that is shipped, for recipes whose official
        code resizes images before it crops them; 0: hosts crop the whole images, as most codes do.
    """
    config = default_config()
    config.batch_size = batch_size
    config.steps = epochs * steps_per_epoch(batch_size)
    config.data.source = "tfds:imagenet2012"
    # The central square of a photo lacks a quarter of it, and its small crops lack pixels: 5% of
    # 256 x 256 are 57 pixels a side, of 500 x 375 they are 97.
    config.data.ship = "square" if square else "crops"
    config.data.image_size = square or 224
    config.data.host_crop = ()
    config.data.workers = 32
    config.encoder = {"name": encoder, "dtype": "bfloat16"}
    config.checkpoint.every = 5000
    config.evaluation.test_split = "validation"
    config.evaluation.resize = 256
    config.evaluation.size = 224
    return config


def steps_per_epoch(batch_size: int) -> int:
    """Return the steps in which every image of ImageNet-1k is seen once."""
    return IMAGENET_EXAMPLES // batch_size


def tokenizer_of(workdir: str) -> tuple[dict, ...]:
    """Return the `init_from` of a BEiT whose tokenizer is the VQ-VAE trained in `workdir`."""
    return tuple(
        {"workdir": workdir, "take": part, "put": f"objective_state/tokenizer/{part}"}
        for part in ("params", "objective_state")
    )
