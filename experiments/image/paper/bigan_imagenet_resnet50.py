r"""BiGAN on ImageNet at 64 pixels: 200 uniform latent dimensions, batch 128, 100 epochs.

    python -m ssljax pretrain --config experiments/image/paper/bigan_imagenet_resnet50.py \
        --workdir SHARED/bigan

Paper: 31.0 linear top-1 from the third convolution of an AlexNet (Donahue et al., 2016,
https://arxiv.org/abs/1605.09782, with inputs of 112 pixels; as quoted by Zhang et al., 2016,
https://arxiv.org/abs/1611.09842, and not checked there). `ssljax` evaluates the last layer of its
encoder, so that this is no number to expect.
Needs: one accelerator of 16 GB. Not run here.
Deviates: a ResNet-50 in place of the AlexNet; the rate falls linearly from the start, where the
code's falls exponentially, to a hundredth, over the second half; weight decay is decoupled.
"""

from experiments.image.common import imagenet


def get_config():
    """Return the config."""
    config = imagenet("resnet50", batch_size=128, epochs=100, square=72)
    config.evaluation.resize, config.evaluation.size = 72, 64
    config.encoder.stem = "small_stride2"
    config.objective = {
        "name": "bigan",
        "latent_dim": 200,
        "generator_width": 64,
        "generator_doublings": 4,
        "discriminator_width": 64,
        "discriminator_halvings": 4,
        "discriminator_hidden": 1024,
        "views": {
            "crop": {
                "size": 64,
                "crop_scale": (0.79, 0.79),  # 64 of 72 pixels, squared
                "crop_ratio": (1.0, 1.0),
                "flip": 0.5,
            }
        },
    }
    config.optimizer.learning_rate = 2e-4
    config.optimizer.b1 = 0.5
    config.optimizer.weight_decay = 2.5e-5
    config.optimizer.schedule = "linear"
    config.optimizer.final_scale = 0.01
    return config
