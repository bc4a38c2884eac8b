r"""SimSiam as published: ResNet-50, batch 512, 100 epochs of ImageNet.

    python -m ssljax pretrain --config experiments/image/simsiam_imagenet_resnet50.py \
        --workdir gs://BUCKET/simsiam --distributed

Paper: 68.1 linear top-1 (Chen and He, 2020, table 4, https://arxiv.org/abs/2011.10566).
Needs: 8 accelerators of 16 GB.
Not run here. Deviates: bfloat16 compute, and views cropped from the central 256x256 square; the
learning rate falls every step, where the official code lowers it once an epoch.
"""

from experiments.image.common import ALL_ALIKE, imagenet


def get_config():
    """Return the config."""
    config = imagenet("resnet50", batch_size=512, epochs=100)
    config.objective = {
        "name": "simsiam",
        "projector_hidden": (2048, 2048),
        "projector_dim": 2048,
        "predictor_hidden": (512,),
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
    config.optimizer.learning_rate = 0.05
    config.optimizer.scale_by_batch = "linear"
    config.optimizer.weight_decay = 1e-4
    predictor = {"name": "predictor", "match": "^predictor/", "learning_rate_schedule": "constant"}
    config.optimizer.rules = (predictor, *ALL_ALIKE)
    return config
