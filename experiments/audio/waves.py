"""What the experiments on waves share: wav2vec 2.0's encoder, small."""

from ml_collections import ConfigDict

# Convolutions, positions by a convolution, a norm after each branch.
WAVES = {
    "name": "wave_transformer",
    "channels": 64,
    "positions": "convolution",
    "position_kernel": 16,
    "position_groups": 4,
    "width": 96,
    "depth": 4,
    "heads": 3,
    "norm_first": False,
    "embedding_norm": True,
    "kernel_init": "normal",
}
# data2vec's.
LAYERS = {**WAVES, "convolution_norm": "layer", "position_kernel": 5, "position_layers": 3}


def waves(config: ConfigDict) -> ConfigDict:
    """Return a config whose encoder is shown the wave itself."""
    config.data.sound = "wave"
    config.data.spectrogram = {}
    config.optimizer.b2 = 0.98
    return config
