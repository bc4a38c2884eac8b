"""Time the train step against PyTorch's on this CPU: same model, batch, loss and optimizer.

python benchmarks/step_vs_torch.py                      # every case
python benchmarks/step_vs_torch.py vit --blocks 15      # the cases whose name contains the word

A step is forward, NT-Xent on two views, backward and AdamW, on a fixed batch; ours is the
`train_step` of the training loop. Each framework has a process of its own, kept alive, and the two
take turns, so that what else the machine does falls on both. Wall time still suffers where other
jobs take the cores; processor time (of all threads of the process) suffers less. The ratio is the
median over pairs of neighbouring turns. Without PyTorch, the times of JAX are printed alone.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import time

import numpy as np

# name: encoder config, batch size (of images, each in two views), channels of the projector
CASES = {
    "resnet18 32x32": ({"name": "resnet18", "stem": "small"}, 64, (512, 128)),
    "vit_ti/4 32x32": (
        {"name": "vit_ti", "patch_size": 4, "image_size": 32, "remat": "dots_no_batch"},
        64,
        (192, 128),
    ),
}
SIDE, TEMPERATURE, LEARNING_RATE, WEIGHT_DECAY = 32, 0.1, 1e-3, 0.05


def images(batch: int) -> np.ndarray:
    """Return the views [B, 2, H, W, C] that both frameworks get."""
    return np.random.default_rng(0).standard_normal((batch, 2, SIDE, SIDE, 3), np.float32)


def jax_step(case: str):
    """Return (step, number of parameters); step() runs one and returns its loss."""
    import dataclasses

    import jax
    import jax.numpy as jnp

    from ssljax.losses import nt_xent
    from ssljax.models import MLP, build_encoder
    from ssljax.objectives import Loss, Objective, Run
    from ssljax.objectives.multi_crop import apply_multi_crop
    from ssljax.spec import image_spec
    from ssljax.training.allocator import keep_freed_memory
    from ssljax.training.optimizer import build_optimizer
    from ssljax.training.step import init_state, make_train_step

    keep_freed_memory()  # as the loop does
    config, batch_size, (hidden, out) = CASES[case]

    @dataclasses.dataclass(frozen=True)
    class SimCLROfFixedViews(Objective):
        batch_coupled = True

        def modules(self):
            return {"encoder": self.run.encoder, "projector": MLP((hidden,), out, norm=False)}

        def loss(self, net, teacher, batch, *, key, step):
            z1, z2 = apply_multi_crop(net, [batch["image"]], "projector")
            return Loss(jnp.mean(nt_xent(z1, z2, temperature=TEMPERATURE)))

    shape = images(batch_size).shape[2:]
    spec = image_spec(shape, (0.0,) * shape[2], (1.0,) * shape[2], batch_size)
    objective = SimCLROfFixedViews(Run(build_encoder(config), spec, 1000, batch_size))
    batch = {
        "image": jnp.asarray(images(batch_size)),
        "id": jnp.arange(batch_size, dtype=jnp.int32),
    }
    params = jax.eval_shape(objective.init_params, jax.random.key(0))
    optimizer = build_optimizer(
        {"learning_rate": LEARNING_RATE, "weight_decay": WEIGHT_DECAY, "schedule": "constant"},
        steps=1000,
        batch_size=batch_size,
        params=params,
    ).transform
    state = jax.jit(lambda: init_state(objective, optimizer, seed=0))()
    train_step = jax.jit(make_train_step(objective, optimizer, seed=0), donate_argnums=0)

    def step():
        nonlocal state
        state, metrics = train_step(state, batch)
        return float(jax.block_until_ready((state, metrics))[1]["loss"])

    return step, sum(leaf.size for leaf in jax.tree.leaves(params))


def torch_step(case: str):
    """As `jax_step`, in PyTorch: eager, and with the memory format that is the faster there."""
    import torch
    from torch import nn
    from torch.nn import functional as F

    class Residual(nn.Module):
        def __init__(self, inputs, width, stride):
            super().__init__()
            self.conv1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
            self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
            self.norm1, self.norm2 = nn.BatchNorm2d(width), nn.BatchNorm2d(width)
            self.shortcut = nn.Identity()
            if inputs != width:
                conv = nn.Conv2d(inputs, width, 1, stride, bias=False)
                self.shortcut = nn.Sequential(conv, nn.BatchNorm2d(width))

        def forward(self, x):
            y = F.relu(self.norm1(self.conv1(x)), inplace=True)
            return F.relu(self.norm2(self.conv2(y)) + self.shortcut(x), inplace=True)

    def resnet18():
        layers = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True)]
        for inputs, width, stride in ((64, 64, 1), (64, 128, 2), (128, 256, 2), (256, 512, 2)):
            layers += [Residual(inputs, width, stride), Residual(width, width, 1)]
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())

    class Layer(nn.Module):
        def __init__(self, width, heads):
            super().__init__()
            self.heads = heads
            self.norm1, self.norm2 = nn.LayerNorm(width, 1e-6), nn.LayerNorm(width, 1e-6)
            self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.mlp = nn.Sequential(
                nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
            )

        def forward(self, x):
            qkv = self.qkv(self.norm1(x)).unflatten(2, (3, self.heads, -1))
            y = F.scaled_dot_product_attention(*qkv.permute(2, 0, 3, 1, 4))
            x = x + self.out(y.transpose(1, 2).flatten(2))
            return x + self.mlp(self.norm2(x))

    class ViT(nn.Module):
        def __init__(self, patch, width=192, depth=12, heads=3):
            super().__init__()
            self.patches = nn.Conv2d(3, width, patch, patch)
            self.first = nn.Parameter(torch.zeros(1, 1, width))
            count = (SIDE // patch) ** 2 + 1
            self.positions = nn.Parameter(0.02 * torch.randn(1, count, width))
            self.layers = nn.Sequential(*(Layer(width, heads) for _ in range(depth)))
            self.norm = nn.LayerNorm(width, 1e-6)

        def forward(self, x):
            x = self.patches(x).flatten(2).transpose(1, 2)
            x = torch.cat([self.first.expand(len(x), -1, -1), x], 1) + self.positions
            return self.norm(self.layers(x))[:, 0]

    config, batch_size, (hidden, out) = CASES[case]
    torch.manual_seed(0)
    is_vit = config["name"] == "vit_ti"
    encoder, features = (ViT(config["patch_size"]), 192) if is_vit else (resnet18(), 512)
    projector = (nn.Linear(features, hidden), nn.ReLU(), nn.Linear(hidden, out))
    model = nn.Sequential(encoder, *projector).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(
        model.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY, fused=True
    )
    views = torch.from_numpy(images(batch_size)).flatten(0, 1).permute(0, 3, 1, 2)
    pairs = torch.arange(len(views)) ^ 1  # the views of an image are neighbours

    def step():
        optimizer.zero_grad(set_to_none=True)
        z = F.normalize(model(views), dim=1)
        logits = (z @ z.T / TEMPERATURE).fill_diagonal_(-torch.inf)
        loss = F.cross_entropy(logits, pairs)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step, sum(p.numel() for p in model.parameters())


def work(framework: str, case: str):
    """Run in a process of its own: for each line of input, time so many steps."""
    step, parameters = {"jax": jax_step, "torch": torch_step}[framework](case)
    step(), step()
    print(json.dumps({"parameters": parameters}), flush=True)
    for line in sys.stdin:
        steps = int(line)
        wall, processor = time.perf_counter(), time.process_time()
        losses = [step() for _ in range(steps)]
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        answer = {"wall": wall / steps, "processor": processor / steps, "loss": losses[-1]}
        print(json.dumps(answer), flush=True)


class Worker:
    """A process that times steps when told to."""

    def __init__(self, framework: str, case: str):
        # Idle OpenMP threads that spin would count as work, and take the cores from others.
        environment = {**os.environ, "JAX_PLATFORMS": "cpu", "OMP_WAIT_POLICY": "passive"}
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--worker", framework, case],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.parameters = self._answer()["parameters"]

    def time(self, steps: int) -> dict:
        print(steps, file=self.process.stdin, flush=True)
        return self._answer()

    def close(self):
        self.process.stdin.close()
        self.process.wait()

    def _answer(self) -> dict:
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{' '.join(self.process.args)} ended: see above")
        return json.loads(line)


def measure(case: str, frameworks: list[str], blocks: int, steps: int):
    """Print one line for each framework, and the ratios."""
    workers = {name: Worker(name, case) for name in frameworks}
    counts = {worker.parameters for worker in workers.values()}
    if len(counts) > 1:
        raise SystemExit(f"{case}: the models differ, they have {counts} parameters")
    print(f"{case}, batch {CASES[case][1]} x 2 views, {counts.pop():,} parameters")
    turns = [{name: worker.time(steps) for name, worker in workers.items()} for _ in range(blocks)]
    for worker in workers.values():
        worker.close()
    times = {
        kind: {name: np.array([turn[name][kind] for turn in turns]) for name in frameworks}
        for kind in ("wall", "processor")
    }
    for name in frameworks:
        cells = (
            f"{kind} {1e3 * np.median(t[name]):7.0f} ms (least {1e3 * t[name].min():7.0f})"
            for kind, t in times.items()
        )
        print(f"  {name:6}{'   '.join(cells)}   last loss {turns[-1][name]['loss']:.3f}")
    if len(frameworks) == 2:
        for kind, t in times.items():
            low, middle, high = np.quantile(t["torch"] / t["jax"], (0.25, 0.5, 0.75))
            quartiles = f"(quartiles {low:.2f}, {high:.2f})"
            print(f"  speed in {kind} time: {middle:.2f} of PyTorch's {quartiles}")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("word", nargs="?", default="", help="cases whose name contains it")
    parser.add_argument("--blocks", type=int, default=9, help="turns of each framework")
    parser.add_argument("--steps", type=int, default=1, help="steps in a turn")
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        return work(*args.worker)
    frameworks = ["jax"]
    if importlib.util.find_spec("torch"):
        frameworks.append("torch")
    else:
        print("PyTorch is not installed: JAX alone (pip install torch to compare)")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for case in CASES:
        if args.word in case:
            measure(case, frameworks, args.blocks, args.steps)


if __name__ == "__main__":
    main()
