"""SimMIM: regress the pixels of masked squares, with nothing but a linear layer as decoder."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp

from ssljax.errors import UserError
from ssljax.losses import masked_l1
from ssljax.models import MLP, apply, init
from ssljax.objectives.base import Aux, Run
from ssljax.objectives.masked.patches import blank, mask_token, patch_grid, require_patches
from ssljax.objectives.views import Views, embed
from ssljax.ops.keys import per_example
from ssljax.ops.masking import unit_mask
from ssljax.ops.patches import patchify


@dataclasses.dataclass(frozen=True)
class SimMIM:
    """SimMIM: a simple framework for masked image modeling (Xie et al., 2021).

    The encoder sees all patches, those of random squares behind a mask token. A linear layer maps
    its tokens to pixels. The loss is the absolute error of the masked pixels, which are normalised
    by the mean and deviation of the data set.

    Paper: https://arxiv.org/abs/2111.09886. Official code: microsoft/SimMIM, models/simmim.py. Its
      ViT has BEiT's relative positions; the encoders here have absolute ones.
    """

    run: Run
    views: Views = Views.crops(crop_scale=(0.67, 1.0), flip=0.5)
    mask_ratio: float = 0.6
    mask_unit: int = 32  # pixels

    family: ClassVar[str] = "masked"
    paper: ClassVar[str] = "arXiv:2111.09886"
    keeps: ClassVar[tuple[str, ...]] = ()
    batch_coupled: ClassVar[bool] = False

    def __post_init__(self):
        self.views.require(self.run.inputs, count=1)
        require_patches(self.run, "simmim")
        if self.mask_unit < 1 or self.mask_unit % self.run.encoder.patch_size:
            raise UserError(
                f"mask_unit={self.mask_unit}; it must be a multiple of "
                f"encoder.patch_size={self.run.encoder.patch_size}"
            )
        jax.eval_shape(lambda: self._mask(jax.random.split(jax.random.key(0))))  # its errors, now

    @property
    def head(self) -> MLP:
        return MLP(
            (), self.run.encoder.patch_size**2 * self.run.inputs.shape[2], linear_init="torch"
        )

    def _mask(self, keys):
        return unit_mask(
            keys,
            grid=patch_grid(self.run, self.views),
            unit=self.mask_unit // self.run.encoder.patch_size,
            ratio=self.mask_ratio,
        )

    def init_params(self, key, batch):
        encoder_key, head_key, token_key = jax.random.split(key, 3)
        images = blank(self.run, self.views)
        encoder, _ = init(self.run.encoder, encoder_key, images)
        encoded, _ = apply(self.run.encoder, encoder, {}, images, train=False)
        head, _ = init(self.head, head_key, encoded.tokens)
        token = mask_token(token_key, encoded.tokens.shape[-1])
        return {"encoder": encoder, "head": head, "mask_token": token}

    def init_memory(self, key, params, batch):
        return {}

    def loss(self, params, memory, batch, *, key, step):
        views_key, mask_key, model_key = jax.random.split(key, 3)
        images = self.views.stacked(self.run.inputs, views_key, batch)[:, 0]
        masked = self._mask(per_example(mask_key, batch["row"]))
        encoded, _ = apply(
            self.run.encoder,
            params["encoder"],
            {},
            images,
            train=True,
            key=model_key,
            masked=masked,
            mask_token=params["mask_token"]["token"],
        )
        prediction, _ = apply(self.head, params["head"], {}, encoded.tokens, train=True)
        target = patchify(images, patch=self.run.encoder.patch_size)
        loss = jnp.mean(masked_l1(prediction, target, where=masked))
        return loss, Aux(metrics={}, carry={})

    def advance(self, params, memory, carry, *, step):
        return params, memory

    def embed(self, params, memory, batch):
        return embed(self.run, params["encoder"], {}, batch)
