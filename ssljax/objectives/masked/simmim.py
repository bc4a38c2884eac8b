"""SimMIM: regress the pixels of masked squares, with nothing but a linear layer as decoder."""

import dataclasses
import math

import jax
import jax.numpy as jnp

from ssljax.errors import UserError
from ssljax.losses import masked_l1
from ssljax.models import MLP, MaskToken
from ssljax.objectives.base import Loss, Objective
from ssljax.objectives.masked.patches import patch_grid, require_mask, require_patches
from ssljax.objectives.views import Views
from ssljax.ops.keys import per_example
from ssljax.ops.masking import unit_mask
from ssljax.ops.patches import patchify
from ssljax.schema import Count, OpenShare


@dataclasses.dataclass(frozen=True)
class SimMIM(Objective):
    """SimMIM: a simple framework for masked image modeling (Xie et al., 2021).

    The encoder sees all patches, those of random squares behind a mask token. A linear layer maps
    its tokens to pixels. The loss is the absolute error of the masked pixels, which are normalised
    by the mean and deviation of the data set.

    Paper: https://arxiv.org/abs/2111.09886. Official code: microsoft/SimMIM, models/simmim.py. Its
      ViT has BEiT's relative positions; the encoders here have absolute ones.
    """

    views: Views = Views.crops(crop_scale=(0.67, 1.0), flip=0.5)
    mask_ratio: OpenShare = 0.6
    mask_unit: Count = 32  # pixels, or steps of a series

    paper = "arXiv:2111.09886"
    reads = ("image", "series")

    def check(self):
        self.views.require(count=1)
        require_patches(self.run, "simmim")
        if self.mask_unit % self.run.encoder.patch_size:
            raise UserError(
                f"mask_unit={self.mask_unit}; it must be a multiple of "
                f"encoder.patch_size={self.run.encoder.patch_size}"
            )
        require_mask(self.mask, mask_ratio=self.mask_ratio, mask_unit=self.mask_unit)

    def modules(self):
        encoder = self.run.encoder
        out = math.prod(encoder.patch) * self.run.field.shape[-1]
        return {
            "encoder": encoder,
            "head": MLP((), out, linear_init="torch", output_axis="outputs"),
            "mask_token": MaskToken(encoder.width, "truncated"),
        }

    def run_once(self, net):
        net.mask_token()
        net.head(net.encoder(self.blank()).tokens)

    def mask(self, keys):
        unit = self.mask_unit // self.run.encoder.patch_size
        grid = patch_grid(self.run, self.views)
        return unit_mask(keys, grid=grid, unit=unit, ratio=self.mask_ratio)

    def loss(self, net, teacher, batch, *, key, step):
        views = self.views.stacked(key, batch)[:, 0]
        masked = self.mask(per_example(jax.random.split(key)[1], batch["row"]))
        encoded = net.encoder(views, masked=masked, mask_token=net.mask_token())
        target = patchify(views, patch=self.run.encoder.patch)
        return Loss(jnp.mean(masked_l1(net.head(encoded.tokens), target, where=masked)))
