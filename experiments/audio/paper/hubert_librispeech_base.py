r"""HuBERT base, second iteration: units of the sixth block of the first's encoder, 400,000 steps.

    python -m ssljax pretrain --config experiments/audio/paper/hubert_librispeech_base.py \
        --workdir SHARED/hubert --distributed

It starts afresh, and takes its labels from SHARED/hubert_first, the run of
`hubert_librispeech_base_first.py`.

Paper: 6.1 / 11.3 % word error rate on test-clean / -other with a 4-gram language model after
fine-tuning on one hour (Hsu et al., 2021, table II, https://arxiv.org/abs/2106.07447).
Hyper-parameters: facebookresearch/fairseq,
examples/hubert/config/pretrain/hubert_base_librispeech.yaml, lines 16 to 81; 500 units of the sixth
block (section IV.B).
Needs: 32 GPUs for 9.5 hours for each 100,000 steps (section IV.C), and the sounds, of any folders
below librispeech/train/.
Not run here. Deviates: as the first iteration; labels are found in every step, of the window that
is learned from, and not once of whole recordings.
"""

from experiments.audio.paper.common import speech
from experiments.audio.paper.hubert_librispeech_base_first import ENCODER


def get_config():
    """Return the config."""
    config = speech(ENCODER, steps=400_000, batch_size=256, length=175_000)
    config.objective = {"name": "hubert", "second_share": 0.0}
    config.optimizer.clip_norm = 10.0
    config.init_from = (
        {
            "workdir": "SHARED/hubert_first",
            "take": "params/encoder",
            "put": "objective_state/labeller",
        },
    )
    return config
