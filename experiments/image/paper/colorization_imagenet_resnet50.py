r"""Colorization on ImageNet: the paper's schedule and crops with ResNet-50.

    python -m ssljax pretrain --config experiments/image/paper/colorization_imagenet_resnet50.py \
        --workdir SHARED/colorization --distributed

Paper: Zhang et al. (2016), table 1, https://arxiv.org/abs/1603.08511, trained AlexNet: 46.9 mAP in
detection on Pascal VOC 2007, fine-tuned, which `ssljax` cannot do. With ResNet-50: 39.6 linear
top-1 (Goyal et al., 2019, https://arxiv.org/abs/1905.01235, as quoted by Misra and van der Maaten,
2019, https://arxiv.org/abs/1912.01991, table 1).
Needs: 8 TPU v3 cores or 8 GPUs, a day.
Not run here. Adam (.9, .99) at 3e-5, weight decay of 1e-3, batches of 40, and crops of 176 of 256
pixels are those of richzhang/colorization, train/solver.prototxt and
models/colorization_train_val_v2.prototxt, as is the fall of the learning rate to a tenth at step
225,000; 450,000 steps are the paper's. Deviates: ResNet-50, each of whose tokens tells 4x4 cells;
weight decay that is not a part of Adam's gradient; bins and their shares as the objective's
description says.
"""

from experiments.image.common import imagenet


def get_config():
    """Return the config."""
    config = imagenet("resnet50", batch_size=40, epochs=1, square=256)
    config.steps = 450_000
    config.objective = {
        "name": "colorization",
        "views": {
            "crop": {
                "size": 176,
                "crop_scale": (0.4727, 0.4727),  # 176 of 256 pixels
                "crop_ratio": (1.0, 1.0),
                "flip": 0.5,
            }
        },
    }
    config.optimizer.learning_rate = 3e-5
    config.optimizer.schedule = "step"
    config.optimizer.milestones = (225_000,)
    config.optimizer.b2 = 0.99
    config.optimizer.weight_decay = 1e-3
    return config
