r"""CPC as published: waves of 1.28 s, 300,000 steps on LibriSpeech's train-clean-100.

    python -m ssljax pretrain --config experiments/audio/paper/cpc_librispeech_gru.py \
        --workdir SHARED/cpc --distributed

Paper: 64.6% of phones and 97.4% of speakers by a linear probe of the contexts (van den Oord et al.,
2018, table 1, https://arxiv.org/abs/1807.03748), which has no official code. The window, the rate,
the number of negatives and Adam's values are also those of facebookresearch/CPC_audio,
cpc/cpc_default_config.py.
Needs: 8 GPUs, a batch of 8 on each (the paper, section 3.1).
Not run here. Deviates: negatives are drawn from the batch of all devices, where the paper draws
them from the 8 windows of one; never from what is predicted of that time. Waves are standardised.
"""

from experiments.audio.paper.spectrograms import ALL_ALIKE, LIBRISPEECH_100
from ssljax.training.config import default_config


def get_config():
    """Return the config."""
    config = default_config()
    config.steps = 300_000
    config.batch_size = 64
    config.data.source = LIBRISPEECH_100
    config.data.sound = "wave"
    config.data.length = 20_480
    config.encoder = {"name": "audio_gru"}
    config.objective = {"name": "cpc", "steps": 12, "negatives": 128}
    config.optimizer.learning_rate = 2e-4
    config.optimizer.schedule = "constant"
    config.optimizer.param_groups = ALL_ALIKE
    config.checkpoint.every = 5000
    config.evaluation.final = False
    return config
