"""How weights start, by the names that configs and objectives use.

Frameworks differ where a paper says nothing, and official codes rely on theirs; the sources stand
beside the names.
"""

import math

from flax import linen as nn
from jax.nn.initializers import Initializer

from ssljax.errors import unknown

_XAVIER = nn.initializers.xavier_uniform()
_NORMAL = nn.initializers.normal(0.02)  # timm's truncated one, which is cut a hundred sigma off
_TRUNCATED = nn.initializers.truncated_normal(0.02, lower=-1, upper=1)
_TORCH = nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform")
# Haiku's is cut at two sigma of 1 / sqrt(fan in) and not widened again, as Flax's is.
_HAIKU = nn.initializers.variance_scaling(0.87962566**2, "fan_in", "truncated_normal")

# Kernels of linear maps and convolutions. Biases start at 0, but in `TORCH_BIASES`.
KERNELS = {
    "lecun": nn.initializers.lecun_normal(),  # Flax
    "torch": _TORCH,  # PyTorch: uniform up to 1 / sqrt(fan in)
    "haiku": _HAIKU,  # BYOL
    "xavier": _XAVIER,  # MoCo v3
    "xavier_torch_bias": _XAVIER,  # patches of MAE and data2vec 2.0, whose biases are PyTorch's
    "kaiming": nn.initializers.variance_scaling(2.0, "fan_in", "normal"),  # patches of MSN
    "normal": _NORMAL,  # std 0.02: DINO's heads, MSN, patches of I-JEPA
    "small_normal": nn.initializers.normal(0.01),  # SimCLR's projector
    "truncated": _TRUNCATED,  # at one sigma of 0.02: BEiT, SimMIM
}
TORCH_BIASES = ("torch", "xavier_torch_bias")

# Kernels of a transformer's blocks. "..._by_depth": the last kernel of each branch of block
# l = 1, 2, ... is divided by sqrt(2 l) besides; "..._by_whole_depth": by sqrt(2 L) of L blocks.
BLOCKS = {
    "xavier": _XAVIER,  # MAE, MoCo v3
    "normal": _NORMAL,  # DINO, iBOT, DINOv2, MSN, I-JEPA (helper.py), data2vec 2.0, timm
    "normal_by_depth": _NORMAL,  # V-JEPA (vision_transformer.py, _rescale_blocks)
    "truncated_by_depth": _TRUNCATED,  # BEiT, SimMIM
    "normal_by_whole_depth": _NORMAL,  # GPT-2
}

# Class tokens and registers.
TOKENS = {
    "zeros": nn.initializers.zeros,  # of mask tokens: iBOT, DINOv2
    "normal": _NORMAL,  # std 0.02: MAE, DINO, iBOT, MSN
    "tiny": nn.initializers.normal(1e-6),  # MoCo v3, DINOv2, timm
    "unit": nn.initializers.normal(1.0),  # data2vec 2.0
    "truncated": _TRUNCATED,  # BEiT, SimMIM
    "uniform": nn.initializers.uniform(1.0),  # from 0: wav2vec 2.0, HuBERT, data2vec
}


def kernel_initializer(name: str, key: str = "linear_init") -> Initializer:
    """Return the initialiser of `KERNELS` of that name, which a config gives under `key`."""
    return _chosen(key, name, KERNELS)


def bias_initializer(name: str, fan_in: int) -> Initializer:
    """Return that of the bias beside a kernel that starts as `name`, of so many inputs."""
    if name not in TORCH_BIASES:
        return nn.initializers.zeros
    bound = 1 / math.sqrt(fan_in)
    return lambda *args: bound * (2 * nn.initializers.uniform(1.0)(*args) - 1)


def block_initializer(name: str) -> Initializer:
    """Return the initialiser of `BLOCKS` of that name."""
    return _chosen("kernel_init", name, BLOCKS)


def token_initializer(name: str) -> Initializer:
    """Return the initialiser of `TOKENS` of that name."""
    return _chosen("token_init", name, TOKENS)


def _chosen(key: str, name: str, known: dict[str, Initializer]) -> Initializer:
    if name not in known:
        raise unknown(key, name, known)
    return known[name]
