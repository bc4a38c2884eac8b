r"""MoCo v2 as published: ResNet-50, batch 256, 200 epochs of ImageNet.

    python -m ssljax pretrain --config experiments/image/moco_v2_imagenet_resnet50.py \
        --workdir gs://BUCKET/moco_v2 --distributed

Paper: 67.5 +- 0.1 linear top-1 over five runs (official README, facebookresearch/moco; Chen et al.,
2020, https://arxiv.org/abs/2003.04297); 71.1 with 800 epochs.
Needs: 8 GPUs (53 hours on V100s, same README).
Not run here. Deviates: bfloat16 compute, views cropped from the central 256x256 square, the
learning rate falls at every step where the code lowers it at every epoch, and running batch
statistics are those of all eight groups where the code keeps those of its first device.
"""

from experiments.image.common import ALL_ALIKE, imagenet


def get_config():
    """Return the config."""
    config = imagenet("resnet50", batch_size=256, epochs=200)
    config.encoder["bn_groups"] = 8  # batch statistics of 32 images, as on each of 8 devices
    config.encoder["zero_init"] = False
    config.objective = {
        "name": "moco_v2",
        "temperature": 0.2,
        "momentum": 0.999,
        "queue_size": 65536,
        "projector_hidden": (2048,),
        "projector_dim": 128,
        "views": {
            "crop": {
                "count": 2,
                "size": 224,
                "crop_scale": (0.2, 1.0),
                "flip": 0.5,
                "brightness": 0.4,
                "contrast": 0.4,
                "saturation": 0.4,
                "hue": 0.1,
                "jitter_prob": 0.8,
                "grey_prob": 0.2,
                "blur_prob": 0.5,
            }
        },
    }
    config.optimizer.name = "sgd"
    config.optimizer.learning_rate = 0.03  # for the batch of 256 as it is
    config.optimizer.weight_decay = 1e-4
    config.optimizer.rules = ALL_ALIKE
    return config
