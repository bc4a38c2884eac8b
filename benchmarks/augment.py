"""Time the augmentation alone: milliseconds per batch, wall and processor, and views per second.

On a machine that has other work to do, trust the processor time.

python benchmarks/augment.py            # every case
python benchmarks/augment.py cifar      # the cases whose name contains the word
"""

import sys
import time

import jax
import numpy as np

from ssljax.ops.augment import Augmentation, multi_crop

SIMCLR = {
    "crop_scale": (0.2, 1.0),
    "flip": 0.5,
    "brightness": 0.4,
    "contrast": 0.4,
    "saturation": 0.4,
    "hue": 0.1,
    "jitter_prob": 0.8,
    "grey_prob": 0.2,
}
# name: (batch, input size, channels, views)
CASES = {
    "fashion 28x28x1, crop + flip + contrast, 2 views": (
        256,
        28,
        1,
        {"a": Augmentation(size=28, crop_scale=(0.3, 1.0), flip=0.5, contrast=0.4, count=2)},
    ),
    "cifar 32x32x3, SimCLR, 2 views": (256, 32, 3, {"a": Augmentation(size=32, count=2, **SIMCLR)}),
    "cifar 32x32x3, SimCLR + blur, 2 views": (
        256,
        32,
        3,
        {"a": Augmentation(size=32, count=2, blur_prob=0.5, **SIMCLR)},
    ),
    "imagenet 224x224x3, crop + flip, 2 views": (
        16,
        224,
        3,
        {"a": Augmentation(size=224, crop_scale=(0.2, 1.0), flip=0.5, count=2)},
    ),
    "imagenet 224x224x3, SimCLR + blur, 2 views": (
        16,
        224,
        3,
        {"a": Augmentation(size=224, count=2, blur_prob=0.5, **SIMCLR)},
    ),
    "imagenet 224x224x3, SwAV: 2 of 224 and 6 of 96": (
        16,
        224,
        3,
        {
            "global": Augmentation(size=224, count=2, blur_prob=0.5, **SIMCLR),
            "local": Augmentation(
                size=96, count=6, blur_prob=0.5, **{**SIMCLR, "crop_scale": (0.05, 0.14)}
            ),
        },
    ),
}


def measure(batch, size, channels, views, repeats=9):
    """Return (seconds to compile, median seconds per batch by the clock and of the processors)."""
    images = np.random.default_rng(0).integers(0, 256, (batch, size, size, channels), np.uint8)
    images, keys = jax.device_put(images), jax.random.split(jax.random.key(0), batch)
    start = time.perf_counter()
    step = jax.jit(lambda keys, images: multi_crop(views, keys, images))
    step = step.lower(keys, images).compile()
    compiled = time.perf_counter() - start
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter(), time.process_time()
        jax.block_until_ready(step(keys, images))
        times.append((time.perf_counter() - start[0], time.process_time() - start[1]))
    return compiled, *np.median(times[1:], axis=0).tolist()


def main():
    word = sys.argv[1] if len(sys.argv) > 1 else ""
    print(f"{'':50}{'compile s':>10}{'ms/batch':>10}{'cpu ms':>10}{'views/s':>10}")
    for name, (batch, size, channels, views) in CASES.items():
        if word not in name:
            continue
        compiled, wall, processor = measure(batch, size, channels, views)
        rate = batch * sum(view.count for view in views.values()) / wall
        print(f"{name:50}{compiled:10.1f}{1e3 * wall:10.1f}{1e3 * processor:10.1f}{rate:10.0f}")


if __name__ == "__main__":
    main()
