"""Residual networks of videos: R3D-50 and smaller ones of the same plan."""

import functools
from typing import Annotated, ClassVar

import jax
import jax.numpy as jnp
from einops import rearrange
from flax import linen as nn

from ssljax.errors import UserError, unknown
from ssljax.models.base import Encoded, compute_dtype
from ssljax.models.convolution import convolution
from ssljax.models.normalization import BatchNorm
from ssljax.models.resnet import Block, Stage, stages_of
from ssljax.schema import Count, Decay, Depth, Dtype, NotEmpty, OneOf, Width

# Kernel and stride of the first convolution along (time, height, width), and whether frames are
# max-pooled after it.
STEMS = {
    "imagenet": ((5, 7, 7), (2, 2, 2), True),
    "small": ((3, 3, 3), (1, 1, 1), False),
    "small_stride2": ((3, 3, 3), (2, 2, 2), False),
}


class ResNet3D(nn.Module):
    """Videos to features by a stem, stages of bottleneck blocks and average pooling: CVRL's R3D.

    Stage i has width 2^i channels, four times that at its output, and all but the first halve the
    frames. The first convolution of a block spans `temporal_kernels[i]` frames, the second 3 x 3
    pixels. After the stem the number of frames stays as it is. Padding is symmetric, as for images;
    the official code pads even inputs at their end only. Any number of frames and channels.

    Args (fields):
      stage_sizes: blocks in each stage.
      temporal_kernels: frames of the first kernel of the blocks of each stage, odd.
      width: channels of the stem.
      stem: "imagenet" (5x7x7 stride 2, then max-pooling of frames, stride 2); for frames of about
        32 pixels "small" (3x3x3) or "small_stride2" (likewise, stride 2 in time and space).
      zero_init, bn_groups, bn_momentum, dtype: as of `ResNet`.

    Qian et al. 2021, arXiv:2008.03800; tensorflow/models, official/vision/modeling/backbones/
    resnet_3d.py with official/projects/video_ssl/configs/experiments/cvrl_pretrain_k600_200ep.yaml.
    """

    stage_sizes: Annotated[tuple[Depth, ...], NotEmpty()] = (3, 4, 6, 3)
    temporal_kernels: Annotated[tuple[Count, ...], NotEmpty()] = (1, 1, 3, 3)
    width: Width = 64
    stem: Annotated[str, OneOf(STEMS)] = "imagenet"
    zero_init: bool = False
    bn_groups: Count = 1
    bn_momentum: Decay = 0.9
    dtype: Dtype = "float32"

    modality: ClassVar[str] = "video"
    patch: ClassVar[tuple[int, ...]] = ()

    @nn.nowrap
    def check_fields(self) -> None:
        """Raise a UserError for fields that do not fit each other."""
        if len(self.temporal_kernels) != len(self.stage_sizes):
            raise UserError(
                f"encoder.temporal_kernels={self.temporal_kernels} must have an entry for each of "
                f"encoder.stage_sizes={self.stage_sizes}"
            )
        if any(kernel % 2 == 0 for kernel in self.temporal_kernels):
            raise UserError(f"encoder.temporal_kernels={self.temporal_kernels} must be odd")

    @nn.nowrap
    def grid(self, shape: tuple[int, ...]) -> tuple[int, int, int]:
        """Return the (time, rows, columns) of the last map of videos [T, H, W, C]."""
        if len(shape) != 4:
            raise UserError(f"a resnet3d takes videos [T, H, W, C], got {list(shape)}")
        _, strides, pooled = STEMS[self.stem]
        halved = 2 ** (len(self.stage_sizes) - 1 + pooled)  # frames, after the first convolution
        time, *frame = (-(-of // stride) for of, stride in zip(shape, strides, strict=False))
        return (time, *(-(-side // halved) for side in frame))

    @nn.compact
    def __call__(self, videos: jax.Array, *, train: bool, layers: bool = False) -> Encoded:
        """Encode videos[B, T, H, W, C], already normalised.

        Args:
          videos: a batch.
          train: whether BatchNorm uses the statistics of the batch.
          layers: whether to return the mean of the map after every stage, see `Encoded`.
        """
        dtype = compute_dtype(self.dtype)
        norm = functools.partial(BatchNorm, momentum=self.bn_momentum, groups=self.bn_groups)
        conv = functools.partial(convolution, dtype=dtype, rank=3)
        if self.stem not in STEMS:
            raise unknown("stem", self.stem, STEMS)
        kernel, stride, pooled = STEMS[self.stem]
        x = conv(self.width, kernel, stride, name="stem_conv")(videos.astype(dtype))
        x = nn.relu(norm(name="stem_norm")(x, train=train))
        if pooled:
            x = nn.max_pool(x, (1, 3, 3), (1, 2, 2), ((0, 0), (1, 1), (1, 1)))
        means = []
        for i, (size, frames) in enumerate(
            zip(self.stage_sizes, self.temporal_kernels, strict=True)
        ):
            width = self.width * 2**i
            block = functools.partial(
                Block,
                ((frames, 1, 1), (1, 3, 3), (1, 1, 1)),
                (width, width, 4 * width),
                zero_init=self.zero_init,
                norm=norm,
                convolution=conv,
            )
            stride = (1, 2, 2) if i > 0 else 1
            x = Stage(size, stride=stride, block=block, name=f"stage_{i}")(x, train=train)
            means.append(_mean(x) if layers else None)
        tokens = rearrange(x, "b t h w c -> b (t h w) c")
        if not layers:
            return Encoded(_mean(x), tokens)
        return Encoded(_mean(x), tokens, layers=stages_of(means))


def _mean(x: jax.Array) -> jax.Array:
    return jnp.mean(x.astype(jnp.float32), axis=(1, 2, 3))
