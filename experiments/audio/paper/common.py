"""What the published recipes on waves have in common: the base encoder, data, optimizer."""

from ml_collections import ConfigDict

from ssljax.training.config import default_config

LIBRISPEECH = "audio:librispeech?rate=16000"  # the 960 hours of its three training sets
# facebookresearch/fairseq, fairseq/models/wav2vec/wav2vec2.py, lines 44 to 92 and 228 to 240.
BASE = {
    "name": "wave_transformer",
    "channels": 512,
    "width": 768,
    "depth": 12,
    "heads": 12,
    "positions": "convolution",
    "norm_first": False,
    "embedding_norm": True,
    "norm_epsilon": 1e-5,
    "kernel_init": "normal",
    "dropout": 0.1,
    "attention_dropout": 0.1,
    "drop_path": 0.05,
    "drop_path_uniform": True,
    "dtype": "bfloat16",
}
# facebookresearch/fairseq, fairseq/optim/adam.py: all parameters decay.
ALL_DECAY = ({"name": "all", "match": ".*"},)


def speech(encoder: dict, *, steps: int, batch_size: int, length: int) -> ConfigDict:
    """Return a config of LibriSpeech, all but the objective.

    Adam with b1 = .9, b2 = .98, eps = 1e-6, weight decay .01, a learning rate of 5e-4 at the end of
    the warm-up, as in all recipes of fairseq here.

    Args:
      encoder: its section.
      steps, batch_size: of the run.
      length: samples of a window.
    """
    config = default_config()
    config.steps = steps
    config.batch_size = batch_size
    config.data.source = LIBRISPEECH
    config.data.length = length
    config.data.sound = "wave"
    config.encoder = dict(encoder)
    config.optimizer.learning_rate = 5e-4
    config.optimizer.schedule = "linear"
    config.optimizer.warmup_steps = 32_000
    config.optimizer.b2 = 0.98
    config.optimizer.eps = 1e-6
    config.optimizer.weight_decay = 0.01
    config.optimizer.param_groups = ALL_DECAY
    config.checkpoint.every = 5000
    config.evaluation.final = False
    return config
