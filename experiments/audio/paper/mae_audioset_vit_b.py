r"""Audio-MAE as published: ViT-B/16 on spectrograms of ten seconds, 32 epochs of AudioSet-2M.

    python -m ssljax pretrain --config experiments/audio/paper/mae_audioset_vit_b.py \
        --workdir SHARED/audio_mae --distributed

Paper: 47.3 mAP fine-tuned on AudioSet-2M (Huang et al., 2022, table 2,
https://arxiv.org/abs/2207.06405). Official code: facebookresearch/AudioMAE,
submit_pretrain_audioset2M.sh, main_pretrain.py, models_mae.py (mae_vit_base_patch16), dataset.py.
Needs: 64 V100 GPUs (same file).
Not run here. Deviates: the decoder attends to all patches, where that of the code has windows of
4x4 patches, shifted; log-mel of librosa in place of Kaldi's (no pre-emphasis, no mean taken out);
standardised by band with one deviation, not two; sounds move by up to ten frames and silence
follows, where the code rolls them round, and adds noise to the spectrogram; bfloat16 compute.
"""

from experiments.audio.paper.spectrograms import AUDIOSET_EXAMPLES, audioset
from experiments.image.common import TIMM


def get_config():
    """Return the config."""
    config = audioset(batch_size=512, epochs=33)
    config.data.length = 163_840  # 1,024 frames
    config.data.spectrogram = {"bands": 128, "window": 400, "hop": 160, "low": 20.0}
    config.encoder = {
        "name": "audio_transformer",
        "patch_time": 16,
        "patch_bands": 16,
        "frames": 1024,
        "bands": 128,
        "width": 768,
        "depth": 12,
        "heads": 12,
        "class_token": True,
        "dtype": "bfloat16",
    }
    config.objective = {
        "name": "mae",
        "mask_ratio": 0.8,
        "normalize_targets": True,
        "decoder_width": 512,
        "decoder_depth": 16,
        "decoder_heads": 16,
        "views": {"crop": {"shift": 0.0098}},
    }
    config.optimizer.learning_rate = 2e-4
    config.optimizer.scale_by_batch = "linear"
    config.optimizer.b2 = 0.95
    config.optimizer.weight_decay = 1e-4
    config.optimizer.warmup_steps = 3 * (AUDIOSET_EXAMPLES // config.batch_size)
    config.optimizer.param_groups = TIMM
    return config
