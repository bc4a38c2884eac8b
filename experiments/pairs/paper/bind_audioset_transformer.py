r"""ImageBind's audio tower: sounds bound to the images of a frozen ViT-H/14, on AudioSet.

    python -m ssljax import --from hf DIR --workdir runs/openclip
    python -m ssljax pretrain --config experiments/pairs/paper/bind_audioset_transformer.py \
        --workdir SHARED/bind --distributed

DIR holds laion/CLIP-ViT-H-14-laion2B-s32B-b79K. The manifest has a frame and two seconds of sound
of the same clip of AudioSet-2M. Paper: Girdhar et al., 2023, https://arxiv.org/abs/2305.05665;
66.9 emergent zero-shot top-1 on ESC-50. Towers, heads, sound and temperature are those of
facebookresearch/ImageBind, imagebind/models/imagebind_model.py, lines 36 to 72 (ViT-H/14; audio:
ViT-B, 128 bands, 204 frames, drop-path 0.1), 410 to 430 (scale 20) and imagebind/data.py, lines 32
to 47 (25 ms every 10 ms). The code has no training: optimizer, rate, weight decay, batch, epochs,
clipping and the masked bands are meant to be those of the paper's appendix and were not checked
against it.
Needs: 32 accelerators of 40 GB, AudioSet with its images, and the weights of the image encoder.
Not run here. Deviates: patches of spectrograms do not overlap (13 x 8 of 208 frames, for 12 x 19
of 204 at a stride of 10), and there is no norm behind their stem and no further key and value in
attention (add_bias_kv); a log-mel without Kaldi's pre-emphasis; sounds are projected to the 1,280
features of the image encoder as they are, not to CLIP's 1,024; bfloat16 compute.
"""

from ssljax.training.config import default_config

EXAMPLES = 2_041_789  # the unbalanced part of AudioSet


def get_config():
    """Return the config."""
    config = default_config()
    config.batch_size = 2048
    config.steps = 64 * (EXAMPLES // 2048)
    config.data.source = "pairs:/data/audioset/train.jsonl?rate=16000"
    config.data.image_size = 224
    config.data.length = {"audio": 33_280}  # 208 frames
    config.data.spectrogram = {"bands": 128, "window": 400, "hop": 160, "low": 20.0}
    config.data.workers = 32
    config.encoder = {
        "name": "vit",
        "patch_size": 14,
        "image_size": 224,
        "width": 1280,
        "depth": 32,
        "heads": 16,
        "embedding_norm": True,
        "patch_bias": False,
        "norm_epsilon": 1e-5,
        "dtype": "bfloat16",
    }
    config.encoders = {
        "audio": {
            "name": "audio_transformer",
            "frames": 208,
            "width": 768,
            "depth": 12,
            "heads": 12,
            "positions": "learned",
            "class_token": True,
            "pool": "cls",
            "drop_path": 0.1,
            "dtype": "bfloat16",
        }
    }
    config.objective = {
        "name": "bind",
        "freeze": ("image",),
        "project_own": False,
        "projector_dim": 1280,
        "temperature": 0.05,
        "views": {"crop": {"flip": 0.5}},
    }
    config.init_from = ({"workdir": "runs/openclip"},)
    config.optimizer.learning_rate = 1.6e-3
    config.optimizer.warmup_steps = 2 * (EXAMPLES // 2048)
    config.optimizer.weight_decay = 0.2
    config.optimizer.b2 = 0.95
    config.optimizer.clip_norm = 1.0
    config.checkpoint.every = 2000
    config.evaluation.protocols = {"retrieval": {}}
    config.evaluation.probes = ()
    return config
