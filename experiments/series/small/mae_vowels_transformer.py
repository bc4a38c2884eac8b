r"""MAE of vowels of different lengths: a minute on two CPU cores.

    python -m ssljax data prepare ucr:JapaneseVowels
    python -m ssljax pretrain --config experiments/series/small/mae_vowels_transformer.py \
        --workdir runs/mae_vowels

270 utterances of nine speakers, 7 to 29 times of 12 channels. With `data.ragged` neither encoder
nor loss sees what follows the end of an utterance, and the loss is the mean over all hidden patches
of a batch.
"""

from experiments.series.common import TRANSFORMER, watch


def get_config():
    """Return the config."""
    config = watch({**TRANSFORMER, "patch_size": 2, "length": 32}, steps=400)
    config.data.source = "ucr:JapaneseVowels"
    config.data.length = 32
    config.data.ragged = True
    config.objective = {
        "name": "mae",
        "mask_ratio": 0.5,
        "normalize_targets": False,
        "decoder_width": 64,
        "decoder_depth": 2,
        "decoder_heads": 4,
    }
    return config
