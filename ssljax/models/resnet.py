"""Residual networks, v1.5: ResNet-18, 34, 50, 101 and smaller ones of the same plan."""

import functools
from typing import Annotated, ClassVar, Literal

import jax
import jax.numpy as jnp
import numpy as np
from einops import rearrange
from flax import linen as nn

from ssljax.errors import unknown
from ssljax.models.base import Encoded, compute_dtype
from ssljax.models.convolution import convolution
from ssljax.models.normalization import BatchNorm
from ssljax.schema import Count, Decay, Depth, Dtype, NotEmpty, OneOf, Width

STEMS = {"imagenet": (7, 2), "small": (3, 1), "small_stride2": (3, 2)}  # kernel and stride


class Block(nn.Module):
    """relu(shortcut(x) + layers(x)), a layer being a convolution and a BatchNorm, relu between.

    Args (fields):
      kernels: side of each layer's kernel, or its sides; (3, 3) is the basic block, (1, 3, 1) the
        bottleneck.
      features: channels of each layer; the last one's are the output's.
      zero_init: start the last scale at 0, so that the block starts as the identity.
      norm: makes a BatchNorm from a name (and `scale_init`).
      convolution: makes a convolution from features, kernel, stride and a name.
      stride: of the first 3x3 layer, which is what v1.5 means, and of the shortcut.
    """

    kernels: tuple[int | tuple[int, ...], ...]
    features: tuple[int, ...]
    zero_init: bool
    norm: functools.partial
    convolution: functools.partial
    stride: int | tuple[int, ...]

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
        last = len(self.kernels) - 1
        strided = [np.atleast_1d(kernel)[-1] for kernel in self.kernels].index(3)
        y = x
        for i, (kernel, features) in enumerate(zip(self.kernels, self.features, strict=True)):
            stride = self.stride if i == strided else 1
            y = self.convolution(features, kernel, stride, name=f"conv_{i}")(y)
            start = nn.initializers.zeros if i == last and self.zero_init else nn.initializers.ones
            y = self.norm(scale_init=start, name=f"norm_{i}")(y, train=train)
            y = nn.relu(y) if i < last else y
        if x.shape != y.shape:
            x = self.convolution(y.shape[-1], 1, self.stride, name="shortcut_conv")(x)
            x = self.norm(name="shortcut_norm")(x, train=train)
        return nn.relu(x + y)


class Stage(nn.Module):
    """`size` blocks, of which the first has the stride."""

    size: int
    stride: int | tuple[int, ...]
    block: functools.partial

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
        for i in range(self.size):
            x = self.block(stride=self.stride if i == 0 else 1, name=f"block_{i}")(x, train=train)
        return x


class ResNet(nn.Module):
    """Images to features by a stem, stages of residual blocks and average pooling.

    Stage i has width 2^i channels (four times that at the output of bottleneck blocks) and all but
    the first halve the image. Padding is explicit and equal to PyTorch's, so that torchvision's and
    Hugging Face's weights fit, tensor for tensor. Any number of input channels.

    Args (fields):
      stage_sizes: blocks in each stage.
      block: "basic" (two 3x3) or "bottleneck" (1x1, 3x3, 1x1).
      width: channels of the stem.
      stem: "imagenet" (7x7 stride 2, then max-pooling stride 2); for images of about 32 pixels,
        "small" (3x3 stride 1), as in SimCLR's CIFAR-10 network, or "small_stride2" (3x3 stride 2),
        which costs a quarter.
      pool: features are the last map averaged to pool x pool cells (PyTorch's adaptive average
        pooling) and flattened, so D = pool^2 channels. 1 is the usual global average.
      zero_init: start the last scale of every block at 0 (Goyal et al. 2017, arXiv:1706.02677).
      bn_groups, bn_momentum: of every BatchNorm.
      dtype: "float32" or "bfloat16", for convolutions and activations; parameters and pooled
        features are float32.

    He et al. 2015, arXiv:1512.03385; v1.5 as in torchvision's resnet.py.
    """

    stage_sizes: Annotated[tuple[Depth, ...], NotEmpty()] = (2, 2, 2, 2)
    block: Literal["basic", "bottleneck"] = "basic"
    width: Width = 64
    stem: Annotated[str, OneOf(STEMS)] = "imagenet"
    pool: Count = 1
    zero_init: bool = True
    bn_groups: Count = 1
    bn_momentum: Decay = 0.9
    dtype: Dtype = "float32"

    modality: ClassVar[str] = "image"
    patch: ClassVar[tuple[int, ...]] = ()

    @nn.compact
    def __call__(self, images: jax.Array, *, train: bool, layers: bool = False) -> Encoded:
        """Encode images[B, H, W, C], already normalised.

        Args:
          images: a batch.
          train: whether BatchNorm uses the statistics of the batch.
          layers: whether to return the mean of the map after every stage, see `Encoded`.
        """
        dtype = compute_dtype(self.dtype)
        norm = functools.partial(BatchNorm, momentum=self.bn_momentum, groups=self.bn_groups)
        conv = functools.partial(convolution, dtype=dtype)
        x = self._stem(images.astype(dtype), norm, conv, train)
        means = []
        for i, size in enumerate(self.stage_sizes):
            kernels, features = self._layers(self.width * 2**i)
            block = functools.partial(
                Block, kernels, features, zero_init=self.zero_init, norm=norm, convolution=conv
            )
            stage = Stage(size, stride=2 if i > 0 else 1, block=block, name=f"stage_{i}")
            x = stage(x, train=train)
            means.append(average_pool(x.astype(jnp.float32), 1) if layers else None)
        pooled = average_pool(x.astype(jnp.float32), self.pool)
        tokens = rearrange(x, "b h w c -> b (h w) c")
        if not layers:
            return Encoded(pooled, tokens)
        return Encoded(pooled, tokens, layers=stages_of(means))

    def _stem(
        self, x: jax.Array, norm: functools.partial, conv: functools.partial, train: bool
    ) -> jax.Array:
        if self.stem not in STEMS:
            raise unknown("stem", self.stem, STEMS)
        kernel, stride = STEMS[self.stem]
        x = conv(self.width, kernel, stride, name="stem_conv")(x)
        x = nn.relu(norm(name="stem_norm")(x, train=train))
        if self.stem != "imagenet":
            return x
        return nn.max_pool(x, (3, 3), strides=(2, 2), padding=((1, 1), (1, 1)))

    def _layers(self, width: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        blocks = {
            "basic": ((3, 3), (width, width)),
            "bottleneck": ((1, 3, 1), (width, width, 4 * width)),
        }
        if self.block not in blocks:
            raise unknown("block", self.block, blocks)
        return blocks[self.block]


def stages_of(means: list[jax.Array]) -> jax.Array:
    """Return the means of the maps after each stage as `Encoded.layers` has them: there is no class
    token, so each stands twice."""
    width = means[-1].shape[-1]
    wide = [jnp.pad(mean, ((0, 0), (0, width - mean.shape[-1]))) for mean in means]
    return jnp.stack([jnp.stack(wide, axis=1)] * 2, axis=2)


def average_pool(x: jax.Array, cells: int) -> jax.Array:
    """Average x[B, H, W, C] over cells x cells windows and flatten: [B, cells^2 C].

    Window i spans floor(i H / cells) to ceil((i + 1) H / cells), as in PyTorch's AdaptiveAvgPool2d:
    windows overlap where cells does not divide the side.
    """
    if cells < 1 or cells > min(x.shape[1:3]):
        raise ValueError(
            f"encoder.pool={cells} must lie in 1..{min(x.shape[1:3])} for a map of {x.shape[1:3]}"
        )
    if cells == 1:
        return jnp.mean(x, (1, 2))
    rows, columns = _windows(cells, x.shape[1]), _windows(cells, x.shape[2])
    pooled = jnp.einsum("ph,bhwc,qw->bpqc", rows, x, columns, precision="highest")
    return rearrange(pooled, "b p q c -> b (p q c)")


def _windows(cells: int, side: int) -> np.ndarray:
    cell, pixel = np.arange(cells)[:, None], np.arange(side)[None]
    inside = (pixel >= cell * side // cells) & (pixel < -(-(cell + 1) * side // cells))
    return (inside / inside.sum(1, keepdims=True)).astype(np.float32)
