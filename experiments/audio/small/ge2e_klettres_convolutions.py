r"""GE2E on spoken letters and syllables, supervised by speaker: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/audio/small/ge2e_klettres_convolutions.py \
        --workdir runs/ge2e_klettres

Labels are the speakers of the training languages; the equal error rate is over four others. Each
language has one voice and one channel, so that speaker, language and channel cannot be told apart.
"""

from experiments.audio.common import CONVOLUTIONS, letters


def get_config():
    """Return the config."""
    config = letters(CONVOLUTIONS)
    config.data.labels = "group"
    config.data.per_label = 4
    config.objective = {"name": "ge2e", "embedding_dim": 64, "views": {"crop": {"gain": 6.0}}}
    config.evaluation.output = "embedding/audio"
    config.evaluation.protocols = {"verification": {}}
    return config
