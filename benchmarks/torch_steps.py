"""The train steps of six papers in PyTorch, to stand beside those of ssljax: same model and loss.

Eager, bfloat16 by autocast, fused attention and optimizer, on images that lie on the device and are
not augmented. Written for speed to be compared, not to be trained with: masks and temperatures are
constant.
"""

import copy
import math
import time
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint


def measure(recipe: str, batch: int, *, tiny: bool, seconds: float) -> dict:
    """Return milliseconds of a step, examples a second and the peak of memory."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(0)
    torch.backends.cudnn.benchmark = True
    with torch.device(device):
        step = STEPS[recipe](batch, tiny)

    def run(count: int) -> float:
        start = time.perf_counter()
        for _ in range(count):
            with torch.autocast(device, torch.bfloat16):
                loss = step()
        loss = loss.item()  # waits for the device
        if not math.isfinite(loss):
            raise SystemExit(f"the loss is {loss}")
        return (time.perf_counter() - start) / count

    run(2)
    each = run(max(2, min(200, round(seconds / run(2)))))
    peak = torch.cuda.max_memory_allocated() if device == "cuda" else 0
    return {
        "ms": 1e3 * each,
        "examples_per_second": batch / each,
        "peak_gib": peak / 2**30,
        "torch": torch.__version__,
    }


class Bottleneck(nn.Module):
    """A block of a ResNet-50."""

    def __init__(self, inputs: int, width: int, stride: int):
        super().__init__()
        shapes = ((inputs, width, 1, 1), (width, width, 3, stride), (width, 4 * width, 1, 1))
        layers = []
        for into, out, kernel, step in shapes:
            conv = nn.Conv2d(into, out, kernel, step, kernel // 2, bias=False)
            layers += [conv, nn.BatchNorm2d(out), nn.ReLU(inplace=True)]
        self.branch = nn.Sequential(*layers[:-1])
        self.shortcut = nn.Identity()
        if inputs != 4 * width or stride != 1:
            conv = nn.Conv2d(inputs, 4 * width, 1, stride, bias=False)
            self.shortcut = nn.Sequential(conv, nn.BatchNorm2d(4 * width))

    def forward(self, x):
        return F.relu(self.branch(x) + self.shortcut(x), inplace=True)


def resnet(stages: tuple[int, ...] = (3, 4, 6, 3)) -> nn.Module:
    """Return a ResNet without classifier."""
    layers = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True)]
    layers.append(nn.MaxPool2d(3, 2, 1))
    inputs = 64
    for stage, count in enumerate(stages):
        for block in range(count):
            width = 64 * 2**stage
            layers.append(Bottleneck(inputs, width, 2 if stage and not block else 1))
            inputs = 4 * width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


class Layer(nn.Module):
    """A pre-norm layer of a transformer."""

    def __init__(self, width: int, heads: int, gated: bool = False, scale: float = 0.0):
        super().__init__()
        self.heads, self.gated = heads, gated
        self.norm1, self.norm2 = nn.LayerNorm(width, 1e-6), nn.LayerNorm(width, 1e-6)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        hidden = -(-(8 * width // 3) // 8) * 8 if gated else 4 * width
        self.first = nn.Linear(width, hidden * (2 if gated else 1))
        self.second = nn.Linear(hidden, width)
        scales = nn.Parameter(torch.full((2, width), scale))
        self.scales = scales if scale else None

    def forward(self, x):
        qkv = self.qkv(self.norm1(x)).unflatten(2, (3, self.heads, -1))
        y = F.scaled_dot_product_attention(*qkv.permute(2, 0, 3, 1, 4))
        x = x + self._scaled(self.out(y.transpose(1, 2).flatten(2)), 0)
        y = self.first(self.norm2(x))
        if self.gated:
            gate, value = y.chunk(2, dim=-1)
            y = F.silu(gate) * value
        else:
            y = F.gelu(y)
        return x + self._scaled(self.second(y), 1)

    def _scaled(self, y, index):
        return y if self.scales is None else y * self.scales[index]


class ViT(nn.Module):
    """A vision transformer that gives its class token and its patches."""

    def __init__(self, patch, width, depth, heads, *, gated=False, scale=0.0, remat=False):
        super().__init__()
        self.width, self.remat = width, remat
        self.patches = nn.Conv2d(3, width, patch, patch)
        self.first = nn.Parameter(torch.zeros(1, 1, width))
        self.side = 224 // patch
        self.positions = nn.Parameter(0.02 * torch.randn(1, self.side**2, width))
        self.layers = nn.ModuleList(Layer(width, heads, gated, scale) for _ in range(depth))
        self.norm = nn.LayerNorm(width, 1e-6)

    def forward(self, x, keep=None):
        x = self.patches(x)
        x = x.flatten(2).transpose(1, 2) + self._positions(x.shape[-1])
        if keep is not None:
            x = x.gather(1, keep[..., None].expand(-1, -1, x.shape[2]))
        x = torch.cat([self.first.expand(len(x), -1, -1), x], 1)
        for layer in self.layers:
            again = self.remat and torch.is_grad_enabled()
            x = checkpoint(layer, x, use_reentrant=False) if again else layer(x)
        x = self.norm(x)
        return x[:, 0], x[:, 1:]

    def _positions(self, side):
        if side == self.side:
            return self.positions
        maps = self.positions.transpose(1, 2).unflatten(2, (self.side, self.side))
        return F.interpolate(maps, (side, side), mode="bicubic").flatten(2).transpose(1, 2)


class Head(nn.Module):
    """DINO's head: an MLP, a bottleneck on the unit sphere, prototypes of unit length."""

    def __init__(self, width, hidden, bottleneck, prototypes):
        super().__init__()
        layers, into = [], width
        for out in hidden:
            layers += [nn.Linear(into, out), nn.GELU()]
            into = out
        self.mlp = nn.Sequential(*layers, nn.Linear(into, bottleneck))
        self.prototypes = nn.utils.parametrizations.weight_norm(
            nn.Linear(bottleneck, prototypes, bias=False)
        )

    def forward(self, x):
        return self.prototypes(F.normalize(self.mlp(x), dim=-1))


def _images(count: int, size: int) -> torch.Tensor:
    return torch.randn(count, 3, size, size).to(memory_format=torch.channels_last)


def _adamw(*modules: nn.Module) -> torch.optim.Optimizer:
    params = [p for module in modules for p in module.parameters() if p.requires_grad]
    return torch.optim.AdamW(params, 1e-5, weight_decay=0.05, fused=True)


def _updated(optimizer, loss):
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    return loss.detach()


def _follow(teacher: nn.Module, student: nn.Module) -> None:
    with torch.no_grad():
        old, new = list(teacher.parameters()), list(student.parameters())
        torch._foreach_lerp_(old, new, 0.004)


def _teacher(student: nn.Module) -> nn.Module:
    return copy.deepcopy(student).requires_grad_(False)


def simclr(batch: int, tiny: bool) -> Callable[[], torch.Tensor]:
    """SimCLR: ResNet-50, MLP, NT-Xent; SGD in place of LARS."""
    projector = nn.Sequential(nn.Linear(2048, 2048), nn.ReLU(), nn.Linear(2048, 128))
    encoder = resnet((1, 1, 1, 1) if tiny else (3, 4, 6, 3))
    model = nn.Sequential(encoder, projector).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), 1e-3, momentum=0.9, fused=True)
    views, pairs = _images(2 * batch, 224), torch.arange(2 * batch) ^ 1

    def step():
        z = F.normalize(model(views).float(), dim=1)
        logits = (z @ z.T / 0.1).fill_diagonal_(-torch.inf)
        return _updated(optimizer, F.cross_entropy(logits, pairs))

    return step


def mae(batch: int, tiny: bool) -> Callable[[], torch.Tensor]:
    """MAE: ViT-B/16 on a quarter of the patches, a decoder of 8 layers on all."""
    encoder = ViT(16, *((64, 2, 2) if tiny else (768, 12, 12)))
    width, patches, kept = 512, 196, 49
    enter, leave = nn.Linear(encoder.width, width), nn.Linear(width, 768)
    layers = nn.Sequential(*(Layer(width, 16) for _ in range(8)), nn.LayerNorm(width))
    token = nn.Linear(1, width)  # its bias is the mask token
    optimizer = _adamw(encoder, enter, layers, leave, token)
    images = _images(batch, 224)
    targets = images.unfold(2, 16, 16).unfold(3, 16, 16).permute(0, 2, 3, 4, 5, 1).flatten(3)
    targets = F.layer_norm(targets.flatten(1, 2), (768,), eps=1e-6)
    positions = 0.02 * torch.randn(1, patches, width)

    def step():
        order = torch.rand(batch, patches, device=images.device).argsort(1)
        first, tokens = encoder(images, keep=order[:, :kept])
        hidden = token.bias.expand(batch, patches - kept, width)
        x = torch.cat([enter(tokens), hidden.to(tokens.dtype)], 1)
        back = order.argsort(1)[..., None].expand(-1, -1, width)
        x = x.gather(1, back) + positions
        x = leave(layers(torch.cat([enter(first)[:, None], x], 1)))[:, 1:]
        error = (x.float() - targets).square().mean(2)
        masked = order.argsort(1) >= kept
        return _updated(optimizer, (error * masked).sum() / masked.sum())

    return step


def dino(batch: int, tiny: bool) -> Callable[[], torch.Tensor]:
    """DINO: ViT-S/16, 2 crops of 224 and 10 of 96, 65,536 prototypes."""
    encoder = ViT(16, *((64, 2, 2) if tiny else (384, 12, 6)))
    model = nn.ModuleList([encoder, Head(encoder.width, (2048, 2048), 256, 256 if tiny else 65536)])
    teacher, optimizer = _teacher(model), _adamw(model)
    views, crops = _images(2 * batch, 224), _images(10 * batch, 96)
    center = torch.zeros(256 if tiny else 65536)

    def step():
        with torch.no_grad():
            targets = teacher[1](teacher[0](views)[0]).float()
            guesses = F.softmax((targets - center) / 0.04, dim=1).unflatten(0, (2, batch))
            center.lerp_(targets.mean(0), 0.1)
        whole, local = model[0](views)[0], model[0](crops)[0]
        logits = model[1](torch.cat([whole, local])).float() / 0.1
        logs = F.log_softmax(logits, dim=1).unflatten(0, (12, batch))
        total = sum(
            -(guesses[i] * logs[j]).sum(1).mean() for i in range(2) for j in range(12) if i != j
        )
        loss = _updated(optimizer, total / 22)
        _follow(teacher, model)
        return loss

    return step


def dinov2(batch: int, tiny: bool) -> Callable[[], torch.Tensor]:
    """DINOv2: ViT-L/14, 2 crops of 224 and 8 of 98, iBOT on 30% of half of the images' patches."""
    sizes, count = ((64, 2, 2), 256) if tiny else ((1024, 24, 16), 131072)
    encoder = ViT(14, *sizes, gated=True, scale=1e-5, remat=True)
    heads = [Head(encoder.width, (2048, 2048), wide, count) for wide in (384, 256)]
    model = nn.ModuleList([encoder, *heads])
    teacher, optimizer = _teacher(model), _adamw(model)
    views, crops = _images(2 * batch, 224), _images(8 * batch, 98)
    masked = torch.rand(2 * batch, 256) < 0.3
    masked[::2] = False
    hidden = F.interpolate(masked.view(-1, 1, 16, 16).float(), size=(224, 224))

    def step():
        with torch.no_grad():
            first, patches = teacher[0](views)
            guesses = _sinkhorn(teacher[1](first).float()).unflatten(0, (2, batch))
            local_guesses = _sinkhorn(teacher[2](patches[masked]).float())
        # A masked patch is blank: as costly as a mask token.
        first, patches = model[0](views * (1 - hidden))
        few = model[0](crops)[0]
        logs = F.log_softmax(model[1](torch.cat([first, few])).float() / 0.1, dim=1)
        logs = logs.unflatten(0, (10, batch))
        total = sum(
            -(guesses[i] * logs[j]).sum(1).mean() for i in range(2) for j in range(10) if i != j
        )
        inside = F.log_softmax(model[2](patches[masked]).float() / 0.1, dim=1)
        loss = total / 18 - (local_guesses * inside).sum(1).mean() + 0.1 * _koleo(first)
        loss = _updated(optimizer, loss)
        _follow(teacher, model)
        return loss

    return step


def _sinkhorn(logits: torch.Tensor) -> torch.Tensor:
    q = torch.exp((logits - logits.max()) / 0.07)
    for _ in range(3):
        q = q / q.sum(0, keepdim=True).clamp_min(1e-30)
        q = q / q.sum(1, keepdim=True)
    return q


def _koleo(x: torch.Tensor) -> torch.Tensor:
    x = F.normalize(x.float(), dim=1).unflatten(0, (2, -1))
    near = (x @ x.transpose(1, 2)).diagonal_scatter(x.new_full(x.shape[:2], -1), 0, 1, 2)
    other = torch.gather(x, 1, near.argmax(2, keepdim=True).expand(-1, -1, x.shape[2]))
    return -((x - other).norm(dim=2) + 1e-8).log().mean()


class Words(nn.Module):
    """A transformer of ids: BERT's after a norm of the embedding, CLIP's with the norm first."""

    def __init__(self, vocab, length, width, depth, heads, *, norm_first, dropout=0.0):
        super().__init__()
        self.vectors = nn.Embedding(vocab, width)
        self.positions = nn.Parameter(0.02 * torch.randn(length, width))
        self.norm, self.dropout = nn.LayerNorm(width), nn.Dropout(dropout)
        layer = {"norm_first": norm_first, "activation": "gelu", "batch_first": True}
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(width, heads, 4 * width, dropout, **layer)
            for _ in range(depth)
        )
        self.norm_first = norm_first

    def forward(self, ids):
        x = self.vectors(ids) + self.positions
        mask = None
        if self.norm_first:
            mask = nn.Transformer.generate_square_subsequent_mask(ids.shape[1])
        else:
            x = self.dropout(self.norm(x))
        for layer in self.layers:
            x = layer(x, src_mask=mask, is_causal=self.norm_first)
        return self.norm(x) if self.norm_first else x


def bert(batch: int, tiny: bool) -> Callable[[], torch.Tensor]:
    """BERT-base: 512 tokens, 15% of them predicted, two sentences told apart."""
    vocab, length = 30522, 32 if tiny else 512
    sizes = (64, 2, 2) if tiny else (768, 12, 12)
    model = Words(vocab, length, *sizes, norm_first=False, dropout=0.1)
    width = sizes[0]
    head = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.LayerNorm(width))
    pair = nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 2))
    bias = nn.Linear(1, vocab)
    optimizer = _adamw(model, head, pair, bias)
    count = round(0.15 * length)
    words, places = torch.randint(vocab, (batch, length)), torch.randint(length, (batch, count))
    truth, order = words.gather(1, places), torch.arange(batch) % 2

    def step():
        x = model(words)
        found = head(x.gather(1, places[..., None].expand(-1, -1, width)))
        logits = (found @ model.vectors.weight.T.to(found.dtype) + bias.bias).float()
        told = F.cross_entropy(pair(x[:, 0]).float(), order)
        return _updated(optimizer, F.cross_entropy(logits.flatten(0, 1), truth.flatten()) + told)

    return step


def clip(batch: int, tiny: bool) -> Callable[[], torch.Tensor]:
    """CLIP: ViT-B/16 and a text transformer of 12 layers of 512 on 77 tokens."""
    image = ViT(16, *((64, 2, 2) if tiny else (768, 12, 12)))
    wide, length = (64, 32) if tiny else (512, 77)
    text = Words(49408, length, wide, *((2, 2) if tiny else (12, 8)), norm_first=True)
    first, second = nn.Linear(image.width, 512, bias=False), nn.Linear(wide, 512, bias=False)
    scale = nn.Linear(1, 1)  # its bias is the logarithm of the scale
    nn.init.constant_(scale.bias, math.log(1 / 0.07))
    optimizer = _adamw(image, text, first, second, scale)
    images, words = _images(batch, 224), torch.randint(49408, (batch, length))
    pairs = torch.arange(batch)

    def step():
        one = F.normalize(first(image(images)[0]).float(), dim=1)
        two = F.normalize(second(text(words)[:, -1]).float(), dim=1)
        logits = scale.bias.exp().clamp(max=100) * one @ two.T
        return _updated(
            optimizer, (F.cross_entropy(logits, pairs) + F.cross_entropy(logits.T, pairs)) / 2
        )

    return step


STEPS = {
    "simclr resnet50": simclr,
    "mae vit_b": mae,
    "dino vit_s": dino,
    "dinov2 vit_l": dinov2,
    "bert base": bert,
    "clip vit_b16": clip,
}
