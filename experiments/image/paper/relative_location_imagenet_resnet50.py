r"""Relative location on ImageNet with ResNet-50: 35 epochs, all eight pairs of tiles.

    python -m ssljax pretrain \
        --config experiments/image/paper/relative_location_imagenet_resnet50.py \
        --workdir SHARED/relative_location --distributed

Paper: Doersch et al. (2015) trained a network like AlexNet: 46.3 mAP in detection on Pascal VOC
2007, fine-tuned, which `ssljax` cannot do. With modern networks: 51.4 linear top-1 for a ResNet-50
of twice the width (Kolesnikov et al., 2019, table 2, https://arxiv.org/abs/1901.09005), whose
recipe this is: google/revisiting-self-supervised, config/relative_patch_location/imagenet.sh. Crops
of 255 of 292 pixels, two of three grey, tiles of 64 in cells of 85, SGD at .1 for 256 images,
warmed up for 5 of 35 epochs, a tenth of it after 15 and a hundredth after 25; weight decay of the
classifier of 5e-4 (patch_utils.py).
Needs: 8 TPU v3 cores or 8 GPUs, a day.
Not run here. Deviates: ResNet-50 of the usual width, for which less is to be expected; batches of
512 images, not 128, by the same linear rule for the learning rate; no dropout before the last
layer. There, tiles are standardised one by one, here images by the statistics of the set; and
features for the probe are the mean over nine tiles of an image, here those of the whole image.
"""

from experiments.image.common import imagenet, steps_per_epoch
from ssljax.training.param_groups import DEFAULT_PARAM_GROUPS


def get_config():
    """Return the config."""
    config = imagenet("resnet50", batch_size=512, epochs=35, square=292)
    config.objective = {
        "name": "relative_location",
        "views": {
            "crop": {
                "size": 255,
                "crop_scale": (0.7626, 0.7626),  # 255 of 292 pixels
                "crop_ratio": (1.0, 1.0),
                "grey_prob": 0.66,
            }
        },
        "tile": 64 / 85,
        "jitter": 1.0,
        "color": "keep",
        "neighbours": 8,
    }
    config.optimizer.name = "sgd"
    config.optimizer.learning_rate = 0.1
    config.optimizer.scale_by_batch = "linear"
    epoch = steps_per_epoch(config.batch_size)
    config.optimizer.warmup_steps = 5 * epoch
    config.optimizer.schedule = "step"
    config.optimizer.milestones = (15 * epoch, 25 * epoch)
    config.optimizer.weight_decay = 1e-4
    head = {"name": "classifier", "match": "^classifier/.*kernel$", "weight_decay": 5e-4}
    config.optimizer.param_groups = (head, *DEFAULT_PARAM_GROUPS)
    return config
