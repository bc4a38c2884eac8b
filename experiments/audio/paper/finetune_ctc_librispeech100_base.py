r"""wav2vec 2.0 base fine-tuned on 100 hours of LibriSpeech as published: CTC, 80,000 steps.

    python -m ssljax import --from hf facebook/wav2vec2-base --workdir SHARED/wav2vec2
    python -m ssljax finetune --init-from SHARED/wav2vec2 \
        --config experiments/audio/paper/finetune_ctc_librispeech100_base.py \
        --workdir SHARED/ctc --distributed

Paper: 6.1 / 13.3 % word error rate on test-clean / -other without a language model (Baevski et al.,
2020, table 9, https://arxiv.org/abs/2006.11477). Hyper-parameters: facebookresearch/fairseq,
examples/wav2vec/config/finetuning/base_100h.yaml, lines 13 to 57, and the defaults of
fairseq/models/wav2vec/wav2vec2_asr.py. There `freeze_finetune_updates` is 0; for the paper's 10,000
first steps of the head alone, add the param group {"name": "held", "match": "^encoder/",
"frozen_steps": 10_000} after the first one.
Needs: 2 V100 (line 27), and LibriSpeech as it comes: train-clean-100 as librispeech_100/train/,
test-clean or test-other as librispeech_100/test/.
Not run here. Deviates: bfloat16 compute; batches of 128 sounds, as many as 8 times max_tokens (line
23) hold on average, where the code fills each device's to max_tokens; all end in silence up to 25
s, which the network reads; waves are standardised, which the normalisation of the first convolution
undoes but for that silence; no dropout of activations; drop-path of .1 in place of LayerDrop (line
54); the head starts from a normal distribution; the loss is divided by letters in place of
sentences (line 37), which Adam undoes but for the differences of batches; masks as in
`ssljax/objectives/supervised/ctc.py`; the last checkpoint is scored, where the code takes the best
on dev-other.
"""

from experiments.audio.paper.common import BASE, speech
from experiments.audio.paper.spectrograms import LIBRISPEECH_100

TRANSCRIBED = f"{LIBRISPEECH_100}&transcripts=trans.txt"


def get_config():
    """Return the config."""
    encoder = {
        **BASE,
        "dropout": 0.0,
        "attention_dropout": 0.0,
        "drop_path": 0.1,
        "feature_gradient": 0.0,
    }
    config = speech(encoder, steps=80_000, batch_size=128, length=400_000)
    config.data.source = TRANSCRIBED
    config.data.labels = "letters"
    config.objective = {
        "name": "ctc",
        "head_std": 0.05,
        "mask_ratio": 0.49,
        "channel_mask_ratio": 0.4,
    }
    config.optimizer.learning_rate = 3e-5
    config.optimizer.schedule = "tri_stage"
    config.optimizer.warmup_steps = 8000
    config.optimizer.warmup_init_scale = 0.01
    config.optimizer.cooldown_steps = 40_000
    config.optimizer.final_scale = 0.05
    config.optimizer.eps = 1e-8
    config.optimizer.weight_decay = 0.0
    config.evaluation.final = True  # the scores on test
    convolutions = {
        "name": "convolutions",
        "match": "^encoder/wave_embed/(conv|norm)_",
        "frozen": True,
    }
    config.optimizer.param_groups = (convolutions, *config.optimizer.param_groups)
    return config
