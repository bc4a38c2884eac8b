"""Images/s of the whole loop against a bare train step, and against lightly where it is installed.

    JAX_NUM_CPU_DEVICES=2 python -m benchmarks.loop_overhead

The model, batch size and optimizer are those of experiments/quickstart.py. "loop" is `pretrain`:
data, augmentation, logging, a checkpoint every 100 steps. "bare step" is a jitted step written by
hand, on two fixed views: no data, no augmentation, no logging. "lightly" is the same network in
PyTorch with lightly's loss, torchvision's transforms on PIL images and two workers. They take
turns; the medians count.
"""

import argparse
import importlib
import importlib.util
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

STEPS, FIRST = 200, 40  # timed from step FIRST on


def main() -> None:
    """Run all kinds in turns and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kind", choices=("loop", "bare", "lightly"), help="one, in this process")
    args = parser.parse_args()
    measure = {"loop": _loop, "bare": _bare, "lightly": _lightly}
    if args.kind:
        print(measure[args.kind]())
        return
    if not importlib.util.find_spec("lightly"):
        del measure["lightly"]
    rates = {kind: [] for kind in measure}
    for _ in range(args.rounds):
        for kind in measure:
            command = [sys.executable, "-m", "benchmarks.loop_overhead", "--kind", kind]
            printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            rates[kind].append(float(printed.split()[-1]))
            print(f"{kind:8} {rates[kind][-1]:7.0f} images/s", flush=True)
    median = {kind: statistics.median(values) for kind, values in rates.items()}
    print(f"loop / bare step: {median['loop'] / median['bare']:.2f}")
    if "lightly" in median:
        print(f"loop / lightly:   {median['loop'] / median['lightly']:.2f}")


def _config():
    from experiments.quickstart import get_config

    return get_config()


def _loop() -> float:
    from ssljax.training.config import complete
    from ssljax.training.loop import pretrain

    config = complete(_config())
    config.steps, config.optimizer.warmup_steps, config.log_every = STEPS, 20, 20
    config.checkpoint.every, config.progress = 100, False
    with tempfile.TemporaryDirectory() as folder:
        pretrain(config, pathlib.Path(folder), say=lambda line: None)
        lines = [json.loads(line) for line in (pathlib.Path(folder) / "metrics.jsonl").open()]
    images = seconds = 0.0
    for before, line in zip(lines, lines[1:], strict=False):
        if before["step"] >= FIRST - 1:
            count = (line["step"] - before["step"]) * config.batch_size
            images += count
            seconds += count / line["examples_per_second"]
    return images / seconds


def _bare() -> float:
    import jax
    import jax.numpy as jnp
    import optax

    from ssljax.losses import nt_xent
    from ssljax.models import MLP, build_encoder
    from ssljax.training.allocator import keep_freed_memory
    from ssljax.training.sharding import batch_sharding, make_mesh, replicated

    keep_freed_memory()  # as the loop does
    config = _config()
    size, objective = config.batch_size, config.objective
    encoder = build_encoder(config.encoder)
    projector = MLP(objective.projector_hidden, 128, output_norm="scale", output_bias=False)
    views = jax.random.normal(jax.random.key(0), (2 * size, 28, 28, 1))
    variables = encoder.init(jax.random.key(1), views, train=True)
    features = encoder.apply(variables, views, train=False).pooled
    head = projector.init(jax.random.key(2), features, train=True)
    params = {"encoder": variables["params"], "projector": head["params"]}
    stats = {"encoder": variables["batch_stats"], "projector": head["batch_stats"]}
    optimizer = optax.adamw(config.optimizer.learning_rate, weight_decay=1e-4)
    mesh = make_mesh({"data": -1, "fsdp": 1, "tensor": 1})
    params, stats = jax.device_put((params, stats), replicated(mesh))
    views = jax.device_put(views, batch_sharding(mesh))

    def loss(params, stats, views):
        encoded, one = encoder.apply(
            {"params": params["encoder"], "batch_stats": stats["encoder"]},
            views,
            train=True,
            mutable=["batch_stats"],
        )
        z, two = projector.apply(
            {"params": params["projector"], "batch_stats": stats["projector"]},
            encoded.pooled,
            train=True,
            mutable=["batch_stats"],
        )
        stats = {"encoder": one["batch_stats"], "projector": two["batch_stats"]}
        z1, z2 = z.reshape(size, 2, -1).transpose(1, 0, 2)
        return jnp.mean(nt_xent(z1, z2, temperature=objective.temperature)), stats

    def step(params, stats, state, views):
        (value, stats), grads = jax.value_and_grad(loss, has_aux=True)(params, stats, views)
        updates, state = optimizer.update(grads, state, params)
        return optax.apply_updates(params, updates), stats, state, value

    step = jax.jit(step, donate_argnums=(0, 1, 2))
    state, start = optimizer.init(params), 0.0
    for number in range(STEPS):
        if number == FIRST:
            start = time.perf_counter()
        params, stats, state, value = step(params, stats, state, views)
        if number % 20 == 19:
            value.block_until_ready()
    return (STEPS - FIRST) * size / (time.perf_counter() - start)


def _lightly() -> float:
    import numpy as np
    import torch

    importlib.import_module("tests.peers.conftest")  # lets torchvision be imported
    from lightly.loss import NTXentLoss
    from PIL import Image
    from torchvision import transforms

    from ssljax.data import open_source

    config = _config()
    crop, size = config.objective.views.crop, config.batch_size
    view = transforms.Compose(
        [
            transforms.RandomResizedCrop(28, scale=crop.crop_scale),
            transforms.RandomHorizontalFlip(crop.flip),
            transforms.ColorJitter(crop.brightness, crop.contrast),
            transforms.ToTensor(),
            transforms.Normalize((0.286,), (0.353,)),
        ]
    )
    pixels = open_source(config.data.source).gather(np.arange(60_000))["image"][..., 0]

    class Views(torch.utils.data.Dataset):
        def __len__(self):
            return len(pixels)

        def __getitem__(self, index):
            image = Image.fromarray(pixels[index])
            return view(image), view(image)

    model = torch.nn.Sequential(
        _torch_resnet(config.encoder),
        torch.nn.Linear(128 * config.encoder.pool**2, 512, bias=False),
        torch.nn.BatchNorm1d(512),
        torch.nn.ReLU(),
        torch.nn.Linear(512, 128, bias=False),
        torch.nn.BatchNorm1d(128),
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-4)
    criterion = NTXentLoss(temperature=config.objective.temperature)
    loader = torch.utils.data.DataLoader(Views(), size, shuffle=True, num_workers=2, drop_last=True)
    start = 0.0
    for number, (first, second) in zip(range(STEPS), loader, strict=False):
        if number == FIRST:
            start = time.perf_counter()
        z1, z2 = model(torch.cat([first, second])).chunk(2)
        optimizer.zero_grad()
        criterion(z1, z2).backward()
        optimizer.step()
    return (STEPS - FIRST) * size / (time.perf_counter() - start)


def _torch_resnet(encoder):
    """Return ssljax's ResNet of basic blocks with the stem "small_stride2", in PyTorch."""
    from torch import nn

    def layer(channels, features, kernel, stride):
        conv = nn.Conv2d(channels, features, kernel, stride, kernel // 2, bias=False)
        return nn.Sequential(conv, nn.BatchNorm2d(features))

    class Block(nn.Module):
        def __init__(self, channels, features, stride):
            super().__init__()
            self.first = layer(channels, features, 3, stride)
            self.second = layer(features, features, 3, 1)
            same = channels == features and stride == 1
            self.shortcut = nn.Identity() if same else layer(channels, features, 1, stride)

        def forward(self, x):
            y = self.second(nn.functional.relu(self.first(x)))
            return nn.functional.relu(y + self.shortcut(x))

    layers, channels = [layer(1, encoder.width, 3, 2), nn.ReLU()], encoder.width
    for stage, blocks in enumerate(encoder.stage_sizes):
        for block in range(blocks):
            features = encoder.width * 2**stage
            layers.append(Block(channels, features, 2 if stage and not block else 1))
            channels = features
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(encoder.pool), nn.Flatten())


if __name__ == "__main__":
    main()
