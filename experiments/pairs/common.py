"""What the experiments on pairs have in common: emoji and drawings with texts, towers of papers.

Emoji: 64x64 pixels with the names of Unicode; `ssljax data prepare emoji` makes the set. Open Clip
Art: drawings with titles and keywords, of which the split "unlabelled" has no creator of validation
or test; `ssljax data prepare openclipart` makes it. LAION-400M: what OpenCLIP was trained on; it
has to be brought along, as tar shards. Stamps: drawings and photos with captions and speech;
`ssljax data prepare spoken_stamps` makes the set.
"""

import pathlib

from experiments.audio.common import CONVOLUTIONS
from experiments.image.common import CLIPART_RESNET
from ssljax.training.config import default_config

# The groups of Unicode in words that names of emoji use, a line for each class.
EMOJI_NAMES = pathlib.Path(__file__).parent / "emoji_names.txt"
LAION = "tar:/data/laion400m"
LAION_EXAMPLES = 407_332_084
# AdamW of open_clip, src/open_clip_train/legacy_main.py, line 332: what has one dimension, and so
# the class token and the scale, does not decay; positions and the vectors of ids do.
OPEN_CLIP = (
    {"name": "no_decay", "match": r"(^|/)(bias|scale|cls_token)(/|$)", "weight_decay": 0.0},
    {"name": "rest", "match": ".*"},
)


def small(source, *, length):
    """Return a config for minutes on two cores: images of 32 pixels with the bytes of a text.

    Args:
      source: of the pairs.
      length: bytes of a text that are read.
    """
    config = default_config()
    config.steps = 400
    config.batch_size = 128
    config.data.source = source
    config.data.image_size = 32
    config.data.length = length
    config.encoder = dict(CLIPART_RESNET)
    config.encoders = {
        "text": {"name": "text_transformer", "length": length, "width": 64, "depth": 2, "heads": 4}
    }
    config.optimizer.learning_rate = 1e-3
    config.optimizer.warmup_steps = 40
    config.optimizer.weight_decay = 0.1
    config.evaluation.protocols = {"retrieval": {}, "zero_shot": {}}
    config.evaluation.probes = ()  # `--config.evaluation.probes=knn,linear` takes minutes
    return config


def emoji(**objective):
    """Return a config for emoji and their names, with the fields of an objective.

    Nothing is flipped: names say left and right.
    """
    config = small("npm:emoji", length=80)
    config.objective = {"projector_dim": 128, "views": views(flip=0.0), **objective}
    config.evaluation.protocols.zero_shot.names = str(EMOJI_NAMES)
    return config


def openclipart(**objective):
    """Return a config for drawings with titles and keywords, with the fields of an objective."""
    config = small("debian:openclipart", length=64)
    config.data.split = "unlabelled"
    config.objective = {"projector_dim": 128, "views": views(flip=0.5), **objective}
    return config


def spoken_stamps(**objective):
    """Return a config for stamps with captions and two seconds of speech, for an objective.

    Letters and digits are among the stamps, so nothing is flipped.
    """
    config = small("debian:spoken_stamps", length=64)
    config.steps = 600
    config.data.length = {"text": 48, "audio": 32_000}
    config.data.spectrogram = {"bands": 40, "window": 400, "hop": 160}
    config.encoders["text"]["length"] = 48
    config.encoders["audio"] = dict(CONVOLUTIONS)
    config.objective = {"projector_dim": 128, "views": views(flip=0.0), **objective}
    config.evaluation.protocols = {"retrieval": {}}
    return config


def views(*, flip):
    """Return the views of images: not so small that what the text names may be cut away."""
    crop = {"crop_scale": (0.5, 1.0), "brightness": 0.2, "contrast": 0.2, "flip": flip}
    return {"crop": crop}


def open_clip(*, patch_size, batch_size, activation):
    """Return a config of OpenCLIP's ViT-B on LAION-400M.

    mlfoundations/open_clip at 89fb801: src/open_clip/model_configs/ViT-B-32.json and ViT-B-16.json;
    src/open_clip_train/params.py, line 9 (rate, b1, b2 and eps of ViT) and line 285 (weight decay);
    README.md, lines 354 to 358 (warm-up, epochs); src/open_clip/transform.py, line 64 (crops);
    src/open_clip/model.py, line 326 (scale); docs/PRETRAINED.md, lines 31 and 41 (batches).
    """
    config = default_config()
    config.batch_size = batch_size
    config.steps = 32 * (LAION_EXAMPLES // batch_size)
    config.data.source = LAION
    config.data.image_size = 224
    config.data.host_crop = ()
    config.data.length = 77
    config.data.tokenizer = "json:clip/tokenizer.json"  # 49,408 ids
    config.data.workers = 32
    common = {"norm_epsilon": 1e-5, "kernel_init": "normal", "activation": activation}
    common |= {"dtype": "bfloat16"}
    config.encoder = {
        "name": "vit_b",
        "patch_size": patch_size,
        "embedding_norm": True,
        "patch_bias": False,
        **common,
    }
    config.encoders = {
        "text": {
            "name": "text_transformer",
            "length": 77,
            "width": 512,
            "depth": 12,
            "heads": 8,
            "causal": True,
            "pool": "last",
            **common,
        }
    }
    config.objective = {
        "name": "clip",
        "projector_dim": 512,
        "temperature": 0.07,
        "max_scale": 100.0,
        "logits_block": 512,
        "views": {"crop": {"crop_scale": (0.9, 1.0), "interpolation": "bicubic"}},
    }
    config.optimizer.learning_rate = 5e-4
    config.optimizer.warmup_steps = 2000
    config.optimizer.weight_decay = 0.2
    config.optimizer.b1 = 0.9
    config.optimizer.b2 = 0.98
    config.optimizer.eps = 1e-6
    config.optimizer.param_groups = OPEN_CLIP
    config.checkpoint.every = 5000
    config.evaluation.final = False  # on the sets of papers, by hand
    return config
