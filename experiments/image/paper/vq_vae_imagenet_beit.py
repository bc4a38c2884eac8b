r"""A tokenizer for BEiT at 224 pixels: a VQ-VAE of 14x14 tokens and 8,192 codes, of ImageNet.

    python -m ssljax pretrain --config experiments/image/paper/vq_vae_imagenet_beit.py \
        --workdir SHARED/vq_vae

In the place of DALL-E's, a discrete VAE with as many codes trained on 250 million images (Bao et
al., 2021, section 2.1, https://arxiv.org/abs/2106.08254), which has no recipe to repeat.
Needs: 8 accelerators of 32 GB.
Not run here.
"""

from experiments.image.common import imagenet

ENCODER = {"name": "resnet50", "stage_sizes": (3, 4, 6), "dtype": "bfloat16"}
CODES = {"codes": 8192, "code_dim": 64}


def get_config():
    """Return the config."""
    config = imagenet("resnet50", batch_size=256, epochs=100)
    config.encoder = ENCODER
    config.objective = {
        "name": "vq_vae",
        **CODES,
        "views": {"crop": {"size": 224, "crop_scale": (0.2, 1.0), "flip": 0.5}},
    }
    config.optimizer.learning_rate = 3e-4
    config.optimizer.warmup_steps = 5000
    return config
