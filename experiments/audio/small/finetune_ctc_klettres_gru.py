r"""The spelling of spoken syllables by CTC: minutes on two CPU cores.

    python -m ssljax pretrain --config experiments/audio/small/cpc_klettres_gru.py \
        --workdir runs/cpc_klettres
    python -m ssljax finetune --init-from runs/cpc_klettres \
        --config experiments/audio/small/finetune_ctc_klettres_gru.py --workdir runs/ctc_klettres

The same from random weights: `pretrain` with this file. With `objective.beam=20` (`pip install
-e '.[ctc]'`) letters are decoded by a beam search, too.
"""

from experiments.audio.common import syllables


def get_config():
    """Return the config."""
    return syllables()
