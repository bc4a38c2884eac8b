r"""wav2vec 2.0 base as published: 1.6 hours of LibriSpeech a step, 400,000 steps.

    python -m ssljax pretrain --config experiments/audio/paper/wav2vec2_librispeech_base.py \
        --workdir SHARED/wav2vec2 --distributed

Paper: 6.1 / 13.3 % word error rate on test-clean / -other after fine-tuning on 100 hours, without a
language model (Baevski et al., 2020, table 9, https://arxiv.org/abs/2006.11477).
Hyper-parameters: facebookresearch/fairseq,
examples/wav2vec/config/pretraining/wav2vec2_base_librispeech.yaml, lines 13 to 57, and the defaults
of fairseq/models/wav2vec/wav2vec2.py.
Needs: 64 V100 for 1.6 days (section 4.2), and the sounds, of any folders below librispeech/train/.
Not run here. Deviates: bfloat16 compute; batches of 512 windows of 10.9 s, as many samples as 64
times max_tokens (line 22), where the code cuts each device's sounds to the shortest of them and at
most 15.6 s; what is shorter ends in silence; waves are standardised, which the normalisation of the
first convolution undoes; drop-path of .05 in place of LayerDrop (line 53); masks as in
`ssljax/objectives/masked/wav2vec2.py`.
"""

from experiments.audio.paper.common import BASE, speech


def get_config():
    """Return the config."""
    encoder = {**BASE, "feature_dropout": 0.1, "feature_gradient": 0.1}
    config = speech(encoder, steps=400_000, batch_size=512, length=175_000)
    config.objective = {"name": "wav2vec2", "feature_dropout": 0.1}
    return config
