r"""Rotation on ImageNet with ResNet-50: 35 epochs, four turns of every image.

    python -m ssljax pretrain --config experiments/image/paper/rotation_imagenet_resnet50.py \
        --workdir SHARED/rotation --distributed

Paper: RotNet (Gidaris et al., 2018) trained AlexNet: 54.4 mAP in detection on Pascal VOC 2007,
fine-tuned, which `ssljax` cannot do. With modern networks: 55.4 linear top-1 for a RevNet-50 of
four times the width (Kolesnikov et al., 2019, table 2, https://arxiv.org/abs/1901.09005), whose
recipe this is: google/revisiting-self-supervised, config/rotation/imagenet.sh, SGD at .1 for 256
images, warmed up for 5 of 35 epochs, a tenth of it after 15 and a hundredth after 25.
Needs: 8 TPU v3 cores or 8 GPUs, a day.
Not run here. Deviates: ResNet-50 of the usual width, for which less is to be expected; batches of
512 images, not 64, by the same linear rule for the learning rate.
"""

from experiments.image.common import imagenet, steps_per_epoch


def get_config():
    """Return the config."""
    config = imagenet("resnet50", batch_size=512, epochs=35)
    config.objective = {
        "name": "rotation",
        "views": {"crop": {"size": 224, "crop_scale": (0.05, 1.0), "flip": 0.5}},
    }
    config.optimizer.name = "sgd"
    config.optimizer.learning_rate = 0.1
    config.optimizer.scale_by_batch = "linear"
    epoch = steps_per_epoch(config.batch_size)
    config.optimizer.warmup_steps = 5 * epoch
    config.optimizer.schedule = "step"
    config.optimizer.milestones = (15 * epoch, 25 * epoch)
    config.optimizer.weight_decay = 1e-4
    return config
