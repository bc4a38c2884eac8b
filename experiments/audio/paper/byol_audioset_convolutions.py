r"""BYOL-A as published: convolutions on spectrograms of a second, 100 epochs of AudioSet.

    python -m ssljax pretrain --config experiments/audio/paper/byol_audioset_convolutions.py \
        --workdir SHARED/byol_a --distributed

Paper: a mean of 75.8 over six tasks by a linear probe, with 2,048 features (Niizumi et al., 2021,
table III, https://arxiv.org/abs/2103.06695). Official code: nttcslab/byol-a, config.yaml, train.py,
byol_a/augmentations.py.
Needs: one GPU (train.py).
Not run here. Deviates: see BYOL-A in docs/deviations.md for the views; the teacher's momentum rises
from .99 to 1, where the code keeps it.
"""

from experiments.audio.paper.spectrograms import ALL_ALIKE, audioset


def get_config():
    """Return the config."""
    config = audioset(batch_size=256, epochs=100)
    config.data.length = 15_360  # 96 frames, of .95 s
    config.data.spectrogram = {
        "bands": 64,
        "window": 1024,
        "hop": 160,
        "low": 60.0,
        "high": 7800.0,
    }
    config.encoder = {"name": "audio_convolutions", "out": 2048}
    config.objective = {
        "name": "byol",
        "momentum": 0.99,
        "projector_hidden": (4096,),
        "projector_dim": 256,
        "predictor_hidden": (4096,),
        "views": {"crop": {"count": 2, "mix": 0.4, "resize": (0.6, 1.5)}},
    }
    config.optimizer.learning_rate = 3e-4
    config.optimizer.schedule = "constant"
    config.optimizer.param_groups = ALL_ALIKE
    return config
