"""What the experiments on sounds have in common: the data, two small encoders.

Samples of a music program (Debian's sonic-pi-samples): a second of each at 16 kHz, 108 to learn
from, of which 93 have one of ten classes, and 57 to be tested on. `ssljax data prepare sonicpi`
fetches them.
"""

from ml_collections import ConfigDict

from ssljax.training.config import default_config

CONVOLUTIONS = {"name": "audio_convolutions", "channels": 16, "blocks": 3, "out": 128}
TRANSFORMER = {
    "name": "audio_transformer",
    "patch_time": 8,
    "patch_bands": 8,
    "frames": 96,
    "bands": 64,
    "width": 96,
    "depth": 4,
    "heads": 3,
}

WAVE_GRU = {"name": "audio_gru", "channels": 64, "context": 64, "norm": "layer"}


def samples(encoder: dict, *, steps: int = 200) -> ConfigDict:
    """Return a config for the samples, all but the objective."""
    config = default_config()
    config.steps = steps
    config.batch_size = 32
    config.data.source = "debian:sonicpi"
    config.data.split = "unlabelled"
    config.data.length = 15_360  # 96 frames
    config.encoder = dict(encoder)
    config.optimizer.learning_rate = 1e-3
    config.optimizer.warmup_steps = steps // 10
    config.optimizer.weight_decay = 0.01
    config.checkpoint.every = 500
    config.evaluation.knn_k = 5
    return config


def prompts(encoder: dict, *, steps: int = 300) -> ConfigDict:
    """Return a config for the prompts of Asterisk, all but the objective.

    1.28 s of each at 8 kHz, 2,750 of five voices to learn from. What Menardi says is looked up
    among what Carlo says, 511 prompts of each: k-NN with k = 1 is how often the nearest is the same
    (R@1). `ssljax data prepare asterisk` fetches them.
    """
    config = samples(encoder, steps=steps)
    config.batch_size = 64
    config.data.source = "debian:asterisk"
    config.data.length = 10_240  # 128 frames
    config.data.spectrogram = {"bands": 40, "window": 200, "hop": 80}
    config.evaluation.knn_k = 1
    config.evaluation.probes = ("knn",)
    return config


def letters(encoder: dict, *, steps: int = 300) -> ConfigDict:
    """Return a config for the spoken letters of KLettres, all but the objective.

    0.96 s of each at 16 kHz: letters and syllables of the languages that are not of "test" to learn
    from; letters of four languages are looked up among those of nine others, k-NN with k = 5.
    `ssljax data prepare klettres` fetches them.
    """
    config = samples(encoder, steps=steps)
    config.data.source = "debian:klettres"
    config.evaluation.probes = ("knn",)
    return config


def syllables(*, steps: int = 600) -> ConfigDict:
    """Return a config for the spelling of spoken syllables and short words, by CTC.

    0.96 s of each at 16 kHz, 353 of seven languages to learn from; scored are 75 of a voice, and of
    a language, of which nothing was heard. `ssljax data prepare klettres_syllables` fetches them.
    """
    config = samples(WAVE_GRU, steps=steps)
    config.data.source = "debian:klettres_syllables"
    config.data.split = "train"
    config.data.sound = "wave"
    config.data.labels = "letters"
    config.objective = {"name": "ctc", "views": {"crop": {"shift": 0.05, "gain": 6.0}}}
    return config
