r"""NPID as published: ResNet-50, batch 256, 200 epochs of ImageNet.

    python -m ssljax pretrain --config experiments/image/paper/npid_imagenet_resnet50.py \
        --workdir SHARED/npid --distributed

Paper: 54.0 linear top-1, 46.5 by nearest neighbours (Wu et al., 2018,
https://arxiv.org/abs/1805.01978); the official README, zhirongw/lemniscate.pytorch, has 46.8 by
nearest neighbours. Neighbours are sought there among the 128 outputs of the projector, here among
the features of the encoder.
Needs: 8 GPUs; the bank is 660 MB.
Not run here. Deviates: bfloat16 compute, colours jittered before greyscale, and the batch shares
its noise vectors. (The learning rate falls to a tenth at epochs 120 and 160: main.py.)
"""

from experiments.image.common import ALL_ALIKE, imagenet, steps_per_epoch


def get_config():
    """Return the config."""
    config = imagenet("resnet50", batch_size=256, epochs=200)
    config.encoder["zero_init"] = False
    config.objective = {
        "name": "npid",
        "temperature": 0.07,
        "negatives": 4096,
        "bank_momentum": 0.5,
        "projector_dim": 128,
        "views": {
            "crop": {
                "size": 224,
                "crop_scale": (0.2, 1.0),
                "flip": 0.5,
                "brightness": 0.4,
                "contrast": 0.4,
                "saturation": 0.4,
                "hue": 0.4,
                "jitter_prob": 1.0,
                "grey_prob": 0.2,
            }
        },
    }
    config.optimizer.name = "sgd"
    config.optimizer.learning_rate = 0.03  # for the batch of 256 as it is
    epoch = steps_per_epoch(config.batch_size)
    config.optimizer.schedule = "step"
    config.optimizer.milestones = (120 * epoch, 160 * epoch)
    config.optimizer.weight_decay = 1e-4
    config.optimizer.param_groups = ALL_ALIKE
    return config
