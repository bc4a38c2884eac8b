r"""HuBERT base, first iteration: units of MFCC, 47 minutes of LibriSpeech a step, 250,000 steps.

    python -m ssljax pretrain --config experiments/audio/paper/hubert_librispeech_base_first.py \
        --workdir SHARED/hubert_first --distributed

Paper: Hsu et al., 2021, section IV.C, https://arxiv.org/abs/2106.07447, for which this run gives
the labels of the second iteration, `hubert_librispeech_base.py`.
Hyper-parameters: facebookresearch/fairseq,
examples/hubert/config/pretrain/hubert_base_librispeech.yaml, lines 16 to 81; 100 units
(section IV.B).
Needs: 32 GPUs for 9.5 hours for each 100,000 steps (section IV.C), and the sounds, of any folders
below librispeech/train/.
Not run here. Deviates: bfloat16 compute; batches of 256 windows of 10.9 s, as many samples as 32
times max_tokens (line 39); what is shorter ends in silence; waves are standardised, MFCC too are of
these; drop-path of .05 in place of LayerDrop (line 74); one frame of each sound for k-means, and
masks as in `ssljax/objectives/masked/hubert.py`; a warm-up of 8 % of the steps, as of all 400,000.
"""

from experiments.audio.paper.common import BASE, speech

ENCODER = {**BASE, "feature_dropout": 0.1, "feature_gradient": 0.1}


def get_config():
    """Return the config."""
    config = speech(ENCODER, steps=250_000, batch_size=256, length=175_000)
    config.objective = {"name": "hubert", "second_share": 1.0}
    config.optimizer.warmup_steps = 20_000
    config.optimizer.clip_norm = 10.0
    return config
