"""What the published recipes on AudioSet and LibriSpeech here have in common: the data."""

from ml_collections import ConfigDict

from ssljax.training.config import default_config

# The segments of the released lists, unbalanced and balanced; of those that are still to be had
# there are fewer each year. LibriSpeech: utterances of train-clean-100.
AUDIOSET, AUDIOSET_EXAMPLES = "audio:audioset?rate=16000", 2_063_949
LIBRISPEECH_100 = "audio:librispeech_100?rate=16000"
# All parameters decay, or none as the weight decay is 0.
ALL_ALIKE = ({"name": "all", "match": ".*"},)


def audioset(*, batch_size: int, epochs: int) -> ConfigDict:
    """Return a config for AudioSet, all but length, encoder, objective and rates."""
    config = default_config()
    config.batch_size = batch_size
    config.steps = epochs * (AUDIOSET_EXAMPLES // batch_size)
    config.data.source = AUDIOSET
    config.data.broken = "skip"
    config.checkpoint.every = 5000
    config.evaluation.final = False
    return config
