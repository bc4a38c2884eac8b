"""MAE: reconstruct the pixels of masked patches from the few that are visible."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp

from ssljax.losses import masked_mse, normalize_patches
from ssljax.models import MAEDecoder, apply, init
from ssljax.objectives.base import Aux, Run
from ssljax.objectives.masked.patches import blank, patch_grid, require_patches
from ssljax.objectives.views import Views, embed
from ssljax.ops.keys import per_example
from ssljax.ops.masking import random_mask
from ssljax.ops.patches import patchify


@dataclasses.dataclass(frozen=True)
class MAE:
    """Masked autoencoders are scalable vision learners (He et al., 2021).

    The encoder sees only the visible patches; a small decoder sees their features and a mask token
    for each of the others. The loss is the squared error of the masked patches, each target
    patch normalised by its own mean and (unbiased) variance.

    Paper: https://arxiv.org/abs/2111.06377. Official code: facebookresearch/mae, models_mae.py.
    """

    run: Run
    views: Views = Views.crops(crop_scale=(0.2, 1.0), flip=0.5)
    mask_ratio: float = 0.75
    normalize_targets: bool = True
    decoder_width: int = 512
    decoder_depth: int = 8
    decoder_heads: int = 16

    family: ClassVar[str] = "masked"
    paper: ClassVar[str] = "arXiv:2111.06377"
    keeps: ClassVar[tuple[str, ...]] = ()
    batch_coupled: ClassVar[bool] = False

    def __post_init__(self):
        self.views.require(self.run.inputs, count=1)
        require_patches(self.run, "mae")

    @property
    def decoder(self) -> MAEDecoder:
        return MAEDecoder(
            grid=patch_grid(self.run, self.views),
            out=self.run.encoder.patch_size**2 * self.run.inputs.shape[2],
            width=self.decoder_width,
            depth=self.decoder_depth,
            heads=self.decoder_heads,
            scan=self.run.encoder.scan,
            remat=self.run.encoder.remat,
            dtype=self.run.dtype,
        )

    def init_params(self, key, batch):
        encoder_key, decoder_key, mask_key = jax.random.split(key, 3)
        images = blank(self.run, self.views)
        mask = self._mask(jax.random.split(mask_key, 2))
        encoder, _ = init(self.run.encoder, encoder_key, images, keep=mask.keep)
        encoded, _ = apply(self.run.encoder, encoder, {}, images, train=False, keep=mask.keep)
        decoder, _ = init(self.decoder, decoder_key, encoded, mask.restore)
        return {"encoder": encoder, "decoder": decoder}

    def _mask(self, keys):
        rows, columns = self.decoder.grid
        return random_mask(keys, patches=rows * columns, ratio=self.mask_ratio)

    def init_memory(self, key, params, batch):
        return {}

    def loss(self, params, memory, batch, *, key, step):
        views_key, mask_key, model_key = jax.random.split(key, 3)
        images = self.views.stacked(self.run.inputs, views_key, batch)[:, 0]
        target = patchify(images, patch=self.run.encoder.patch_size)
        if self.normalize_targets:
            target = normalize_patches(target)
        mask = self._mask(per_example(mask_key, batch["row"]))
        encoded, _ = apply(
            self.run.encoder,
            params["encoder"],
            {},
            images,
            train=True,
            key=model_key,
            keep=mask.keep,
        )
        prediction, _ = apply(
            self.decoder, params["decoder"], {}, encoded, mask.restore, train=True
        )
        loss = jnp.mean(masked_mse(prediction, target, where=mask.masked))
        return loss, Aux(metrics={}, carry={})

    def advance(self, params, memory, carry, *, step):
        return params, memory

    def embed(self, params, memory, batch):
        return embed(self.run, params["encoder"], {}, batch)
