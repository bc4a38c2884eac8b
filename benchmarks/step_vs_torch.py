"""Time the train step against PyTorch's on this CPU: same model, batch, loss and optimizer.

python -m benchmarks.step_vs_torch                      # every case
python -m benchmarks.step_vs_torch vit --blocks 15      # the cases whose name contains the word

A step is forward, NT-Xent on two views, backward and AdamW, on a fixed batch; ours is the
`train_step` of the training loop. The two take turns (`benchmarks.turns`). Wall time still suffers
where other jobs take the cores; processor time (of all threads of the process) suffers less.
"""

import numpy as np

from benchmarks.turns import compare

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
    params, _ = jax.eval_shape(objective.init_networks, jax.random.key(0))
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


def main():
    """Compare the two."""
    cases = {name: f"batch {batch} x 2 views" for name, (_, batch, _) in CASES.items()}
    compare("benchmarks.step_vs_torch", __doc__, cases, {"jax": jax_step, "torch": torch_step})


if __name__ == "__main__":
    main()
