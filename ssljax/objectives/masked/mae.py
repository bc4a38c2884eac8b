"""MAE: reconstruct the masked patches from the few that are visible."""

import dataclasses
import math

import jax

from ssljax.errors import UserError
from ssljax.modalities import Reconstruction
from ssljax.models import MAEDecoder
from ssljax.models.positions import FIXED
from ssljax.objectives.base import Loss, Objective
from ssljax.objectives.masked.patches import (
    mean_over,
    patch_grid,
    reconstruction,
    require_mask,
    require_patches,
    values_of,
    whole_patches,
)
from ssljax.objectives.views import Views
from ssljax.ops.keys import per_example
from ssljax.ops.masking import random_mask, tube_mask
from ssljax.schema import Count, Depth, OpenShare, Width


@dataclasses.dataclass(frozen=True)
class MAE(Objective):
    """Masked autoencoders are scalable vision learners (He et al., 2021).

    The encoder sees only the visible patches; a small decoder sees their features and a mask token
    for each of the others. The loss is the squared error of the masked patches, each target
    patch normalised by its own mean and (unbiased) variance. Of a table, columns are masked: the
    loss is the squared error of numeric ones and the cross entropy of categories. Of padded series,
    patches with padding are neither seen nor predicted.

    With `tubes`, of videos, the same patches of all frames are hidden: VideoMAE (Tong et al. 2022,
    https://arxiv.org/abs/2203.12602, MCG-NJU/VideoMAE), which hides 0.9 of them. Each channel of a
    patch of a video is normalised by itself, as that code does. Its decoder sees no vector for the
    whole (`decoder_summary=False`), and has the positions of the encoder,
    `encoder.positions="sincos_numbered"`.

    Paper: https://arxiv.org/abs/2111.06377. Official code: facebookresearch/mae, models_mae.py.
    """

    views: Views = Views.crops(crop_scale=(0.2, 1.0), flip=0.5)
    mask_ratio: OpenShare = 0.75
    tubes: bool = False
    normalize_targets: bool = True
    decoder_width: Width = 512
    decoder_depth: Depth = 8
    decoder_heads: Count = 16
    decoder_summary: bool = True

    takes_ragged = True
    paper = "arXiv:2111.06377"

    def check(self):
        self.views.require(count=1)
        require_patches(self.run, "mae")
        require_mask(self.mask, mask_ratio=self.mask_ratio, tubes=self.tubes)
        if self.decoder_width % self.decoder_heads:
            raise UserError(
                f"objective.decoder_heads={self.decoder_heads} must divide "
                f"objective.decoder_width={self.decoder_width}"
            )

    @property
    def target(self) -> Reconstruction:
        """What is predicted of the hidden patches, and how far it is off."""
        return reconstruction(self.run, normalize=self.normalize_targets)

    def modules(self):
        encoder = self.run.encoder
        decoder = MAEDecoder(
            grid=patch_grid(self.run, self.views),
            out=self.target.out,
            width=self.decoder_width,
            depth=self.decoder_depth,
            heads=self.decoder_heads,
            positions=encoder.positions if encoder.positions in FIXED else "sincos",
            summary=self.decoder_summary,
            norm_epsilon=encoder.norm_epsilon,
            attention=encoder.attention,
            scan=encoder.scan,
            remat=encoder.remat,
            dtype=self.run.dtype,
        )
        return {"encoder": encoder, "decoder": decoder}

    def mask(self, keys, real=None):
        grid = patch_grid(self.run, self.views)
        if self.tubes:
            return tube_mask(keys, grid=grid, ratio=self.mask_ratio)
        return random_mask(keys, patches=math.prod(grid), ratio=self.mask_ratio, real=real)

    def run_once(self, net):
        mask = self.mask(jax.random.split(jax.random.key(0), 2))
        encoded = net.encoder(self.blank(), keep=mask.keep)
        net.decoder(encoded, mask.restore)

    def loss(self, net, teacher, batch, *, key, step):
        x, segments = whole_patches(self.run, self.views.stacked(key, batch)[:, 0])
        real = None if segments is None else segments > 0
        mask = self.mask(per_example(jax.random.split(key)[1], batch["row"]), real)
        encoded = net.encoder(x, keep=mask.keep)
        prediction = net.decoder(encoded, mask.restore, segments=segments)
        losses = self.target.loss(prediction, values_of(x), where=mask.masked)
        loss, count = mean_over(losses, None if real is None else mask.masked)
        return Loss(loss, weight=count)
