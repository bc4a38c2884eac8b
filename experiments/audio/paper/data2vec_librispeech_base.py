r"""data2vec base on speech as published: 63 minutes of LibriSpeech a step, 400,000 steps.

    python -m ssljax pretrain --config experiments/audio/paper/data2vec_librispeech_base.py \
        --workdir SHARED/data2vec --distributed

Paper: 6.8 % word error rate on test-other with a 4-gram language model after fine-tuning on 100
hours (Baevski et al., 2022, table 2, https://arxiv.org/abs/2202.03555). Hyper-parameters:
facebookresearch/fairseq, examples/data2vec/config/audio/pretraining/base_librispeech.yaml, lines 15
to 83, and the defaults of fairseq/models/wav2vec/wav2vec2.py.
Needs: 16 GPUs (line 31), and the sounds, of any folders below librispeech/train/.
Not run here. Deviates: bfloat16 compute; batches of 320 windows of 11.9 s, as many samples as 16
times max_tokens (line 24), where the code cuts each device's sounds to the shortest of them and at
most 20 s; what is shorter ends in silence; the teacher averages convolutions and positions too,
which the code shares with the student (lines 79 and 80); drop-path of .05 in place of LayerDrop
(line 58); the learning rate falls on a straight line in the last 7 % of the steps, where the code
has an exponential (lines 52 and 53); masks as in `ssljax/objectives/masked/data2vec.py`.
"""

from experiments.audio.paper.common import BASE, speech


def get_config():
    """Return the config."""
    encoder = {
        **BASE,
        "convolution_norm": "layer",
        "position_layers": 5,
        "position_kernel": 19,
    }
    config = speech(encoder, steps=400_000, batch_size=320, length=190_000)
    config.objective = {"name": "data2vec", "momentum_steps": 30_000}
    config.optimizer.schedule = "wsd"
    config.optimizer.warmup_steps = 12_000
    config.optimizer.cooldown_steps = 28_000
    config.optimizer.final_scale = 0.01
    return config
