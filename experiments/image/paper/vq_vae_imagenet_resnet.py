r"""VQ-VAE on ImageNet at 128 pixels: 32x32 tokens, 512 codes, 250,000 steps of Adam, as published.

    python -m ssljax pretrain --config experiments/image/paper/vq_vae_imagenet_resnet.py \
        --workdir SHARED/vq_vae

Paper: reconstructions, no accuracy (van den Oord et al., 2017, sections 4.1 and 4.2,
https://arxiv.org/abs/1711.00937).
Needs: one accelerator of 32 GB, for days.
Not run here. The paper's encoder is two strided convolutions and two residual blocks; this one, so
that its features compare with other methods', is a ResNet-50 for small images without its last
stage, which halves the image twice too.
"""

from experiments.image.common import imagenet


def get_config():
    """Return the config."""
    config = imagenet("resnet50", batch_size=128, epochs=1, square=128)
    config.steps = 250_000
    config.evaluation.resize = config.evaluation.size = 128
    config.encoder.stem = "small"
    config.encoder.stage_sizes = (3, 4, 6)
    config.objective = {
        "name": "vq_vae",
        "codes": 512,
        "code_dim": 64,
        "commitment": 0.25,
        "decoder_width": 256,
        "decoder_blocks": 2,
        "views": {"crop": {"size": 128, "flip": 0.5}},
    }
    config.optimizer.learning_rate = 2e-4
    config.optimizer.schedule = "constant"
    return config
